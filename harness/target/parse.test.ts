import t from 'tap';
import { findInPath, parseTarget, parseTargets } from './parse.js';

t.test('names of targets', async (t) => {
  for (const [text, kind] of [
    ['reference', 'reference'],
    ['qsd', 'qsd'],
    ['qsd@/opt/qemu-10/bin', 'qsd'],
    ['qemu-system@/opt/a@b', 'qemu-system'],
    ['qmp:qsd @ x', 'qmp'],
    ['adapter:python3 a.py', 'adapter'],
    ['img:qemu-img', 'img'],
    ['img:qbm img', 'img'],
  ] as const) {
    const choice = parseTarget(text);
    t.equal(choice.kind, kind, text);
    const target = choice.create();
    t.equal(target.name, text);
    t.equal(target.kind, kind);
    await target.close();
    await target.close();
  }
});

t.test('what is no name is answered with the list', async (t) => {
  for (const text of ['', 'Reference', 'qsd@', 'reference@/x', 'qmp', 'img', '@/x']) {
    t.throws(() => parseTarget(text), { message: /no such target.*adapter:COMMAND/s }, text);
  }
  t.throws(() => parseTarget('img:qemu-io'), { message: /no "img" in the command "qemu-io"/ });
  t.throws(() => parseTarget('qmp:'), { message: /the command is empty/ });
  t.throws(() => parseTarget(`adapter:a "b`), { message: /open "/ });
});

t.test('qemu is both, as far as PATH has them', async (t) => {
  const path = process.env.PATH;
  t.teardown(() => {
    process.env.PATH = path;
  });
  process.env.PATH = t.testdir({ 'qemu-storage-daemon': '' });
  t.throws(() => parseTargets('qemu'), { kind: 'surroundings', message: /apt-get install/ });
  const { chmodSync } = await import('node:fs');
  chmodSync(`${process.env.PATH}/qemu-storage-daemon`, 0o755);
  t.same(
    parseTargets('qemu').map(({ name }) => name),
    ['qsd'],
  );
  t.equal(findInPath('qemu-system-x86_64'), null);
});
