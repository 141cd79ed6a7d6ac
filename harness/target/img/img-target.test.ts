import { chmodSync } from 'node:fs';
import t from 'tap';
import { context, leftovers, unless } from '../fixtures.js';
import { ImgTarget, toolCommands } from './img-target.js';
import { QEMU_IMG, QEMU_IO, toolsBeside } from './tools.js';

t.test('the tool for requests is found by the name of the other', async (t) => {
  t.same(toolCommands('/opt/img/bin/qemu-img'), {
    img: ['/opt/img/bin/qemu-img'],
    io: ['/opt/img/bin/qemu-io'],
  });
  t.same(toolCommands('node main.js img'), {
    img: ['node', 'main.js', 'img'],
    io: ['node', 'main.js', 'io'],
  });
  t.throws(() => toolCommands('qemu-nbd'), /no "img" in the command "qemu-nbd"/);
});

t.test('qemu-img: create, write, read back, nothing left', { skip: unless(QEMU_IMG, QEMU_IO) }, async (t) => {
  const target = new ImgTarget('img:qemu-img', QEMU_IMG);
  t.teardown(() => target.close());
  const identity = await target.identify();
  t.match(identity, {
    program: /^qemu-img \d/,
    version: /^\d+\.\d+\.\d+$/,
    formats: new Set(['raw', 'overlay']),
  });
  t.ok(identity.capabilities.has('img') && identity.capabilities.has('image-io'));
  t.ok(identity.capabilities.has('driver:blkdebug'));
  for (const command of ['bitmap', 'commit', 'dd', 'resize'])
    t.ok(identity.capabilities.has(`img:${command}`));
  t.equal([...identity.capabilities].filter((name) => name.startsWith('img:')).length, 15);
  t.notOk(identity.capabilities.has('qmp') || identity.capabilities.has('node'));

  const session = await target.begin(context({ format: 'overlay' }));
  await session.create('base.img', 1024);
  const { tools } = session;
  t.equal(tools!.formatName, 'qcow2');
  t.match(await tools!.run('img', ['create', '-f', 'qcow2', '-b', 'base.img', '-F', 'raw', 'top'], ''), {
    code: 0,
  });
  t.match(await tools!.run('io', ['-c', 'write 0 1k', 'top'], ''), { code: 0, stdout: /^wrote 1024/ });
  t.match(await tools!.run('io', ['top'], 'length\nquit\n'), { code: 0, stdout: /1 KiB/ });
  t.match(await tools!.run('img', ['info', 'nothing'], ''), { code: 1, stdout: '', stderr: /No such file/ });
  await t.rejects(session.io('disk', { op: 'flush' }), { message: /no nodes/ });
  await session.end();
  await target.close();
  t.same(leftovers(), []);
});

t.test('programs that do not belong to this', async (t) => {
  const gone = new ImgTarget('img:x', '/nowhere/img');
  await t.rejects(gone.identify(), { kind: 'surroundings', message: /no such program.*qemu-utils/ });
  await t.rejects(new ImgTarget('img:x', 'echo img').identify(), {
    kind: 'surroundings',
    message: /no "version N"/,
  });
  await t.rejects(new ImgTarget('img:x', "sh -c 'echo sorry >&2; exit 3' img").identify(), {
    kind: 'surroundings',
    message: /ended with code 3: sorry/,
  });
});

/** A tool that says what it has to, and then does `doing`. */
function scriptTools(directory: string, doing: string): string {
  for (const name of ['img', 'io']) chmodSync(`${directory}/${name}`, 0o755);
  return `env DOING='${doing}' ${directory}/img`;
}

t.test('a tool that dies, hangs, or never stops talking', async (t) => {
  const script = [
    '#!/bin/sh',
    'case "$1" in',
    '--version) echo tool version 1.2 ;;',
    '--help) printf "Supported formats: raw\\n  qbm\\n" ;;',
    '*) echo said >&2; eval "$DOING" ;;',
    'esac',
  ].join('\n');
  for (const [doing, kind, message] of [
    ['kill -SEGV $$', 'crash', /SIGSEGV.*said/s],
    ['sleep 1000', 'hang', /did not end within 300 ms.*said/s],
    ['yes', 'garbage', /printed more than/],
  ] as const) {
    const command = scriptTools(t.testdir({ img: script, io: script }), doing);
    const target = new ImgTarget('img:x', command);
    const { formats, version } = await target.identify();
    t.same([[...formats], version], [['raw', 'overlay'], '1.2']);
    const session = await target.begin(
      context({ format: 'overlay', limitMs: kind === 'garbage' ? 20_000 : 300 }),
    );
    t.equal(session.tools!.formatName, 'qbm');
    await t.rejects(session.tools!.run('io', [], ''), { kind, message });
    await session.end();
    await target.close();
    t.same(leftovers(), []);
  }
});

t.test('tools beside a program', async (t) => {
  const directory = t.testdir({ 'qemu-img': '', 'qemu-io': '' });
  chmodSync(`${directory}/qemu-img`, 0o755);
  t.equal(toolsBeside(`${directory}/qemu-storage-daemon`), null, 'qemu-io cannot be run');
  chmodSync(`${directory}/qemu-io`, 0o755);
  t.same(toolsBeside(`${directory}/qemu-storage-daemon`), {
    img: [`${directory}/qemu-img`],
    io: [`${directory}/qemu-io`],
  });
  t.equal(toolsBeside('no-such-program-anywhere'), null);
});
