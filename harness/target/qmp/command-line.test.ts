import t from 'tap';
import { context, leftovers, nodeScript, unless } from '../fixtures.js';
import { parseTarget } from '../parse.js';
import { QSD_PROGRAM } from './qsd.js';

const GREETING =
  '{"QMP": {"version": {"qemu": {"major": 9, "minor": 1, "micro": 0}, "package": ""}, "capabilities": []}}';

/** A program that greets, answers what a start asks for, and then does `then` on every command. */
function server(then: string, before = ''): string {
  return nodeScript(`
    import { createInterface } from "node:readline";
    const say = (value) => process.stdout.write(JSON.stringify(value) + "\\n");
    ${before}
    process.stdout.write(${JSON.stringify(GREETING)} + "\\n");
    createInterface({ input: process.stdin }).on("line", (line) => {
      const { execute } = JSON.parse(line);
      if (execute === "qmp_capabilities") say({ return: {} });
      else if (execute === "query-commands") say({ return: [{ name: "bitmap-things" }] });
      else { ${then} }
    });`);
}

const FAULTS: readonly (readonly [name: string, then: string, kind: string, message: RegExp])[] = [
  ['prints garbage', 'process.stdout.write("Segfault? no!\\n")', 'garbage', /not QMP: .*"Segfault\? no!"/s],
  ['prints a number', 'process.stdout.write("12\\n")', 'garbage', /expected an object/],
  ['prints bytes', 'process.stdout.write(Buffer.from([0xff, 0xfe, 10]))', 'garbage', /not UTF-8/],
  [
    'answers twice',
    'process.stdout.write("{\\"return\\": 1}\\n".repeat(2))',
    'garbage',
    /nothing was asked for/,
  ],
  ['answers nothing', '', 'hang', /query-version: no reply within 500 ms/],
  ['answers with neither', 'say({ retrun: {} })', 'garbage', /a reply has "return"/],
  [
    'floods without a newline',
    'const x = Buffer.alloc(1 << 20, 97); const more = () => process.stdout.write(x, more); more()',
    'garbage',
    /more than 67108864 bytes without an end of line/,
  ],
  [
    'floods with events',
    'const x = JSON.stringify({ event: "X" }) + "\\n"; const more = () => process.stdout.write(x.repeat(9999), more); more()',
    'garbage',
    /events that nobody waits for/,
  ],
  [
    'ends in the middle of a reply',
    'process.stdout.write("{\\"return\\"", () => process.exit(3))',
    'crash',
    /ended with code 3/,
  ],
  [
    'dies with a last word',
    'process.stderr.write("assertion failed\\n", () => process.kill(process.pid, "SIGABRT"))',
    'crash',
    /SIGABRT; it printed:\n {2}\| assertion failed/,
  ],
];

for (const [name, then, kind, message] of FAULTS) {
  t.test(`a program that ${name}`, async (t) => {
    const target = parseTarget(`qmp:${server(then)}`).create();
    t.teardown(() => target.close());
    const slow = name.startsWith('floods') ? 60_000 : name.endsWith('nothing') ? 500 : 20_000;
    const session = await target.begin(context({ limitMs: slow }));
    const asked = session.qmp('query-version', undefined).then(() => session.qmp('query-version', undefined));
    await t.rejects(asked, { name: 'TargetFault', kind, message });
    await session.end();
    const next = await target.begin(context());
    await next.end();
  });
}

t.test('a program that closes its connection and lives on', async (t) => {
  const then = 'process.stdout.write("{\\"return", () => { closeSync(1); setInterval(() => {}, 1000) })';
  const target = parseTarget(`qmp:${server(then, 'import { closeSync } from "node:fs";')}`).create();
  t.teardown(() => target.close());
  const session = await target.begin(context());
  await t.rejects(session.qmp('query-version', undefined), {
    kind: 'crash',
    message: /in the middle of a reply/,
  });
  await session.end();
});

t.test('a program that is no QMP server', async (t) => {
  const target = parseTarget(
    `qmp:${nodeScript('console.log(JSON.stringify({ hello: 1 })); setInterval(() => {}, 1000)')}`,
  ).create();
  await t.rejects(target.identify(), { kind: 'garbage', message: /not a QMP greeting|not QMP/ });
  const silent = parseTarget(`qmp:${nodeScript('process.exitCode = 4')}`).create();
  await t.rejects(silent.identify(), { kind: 'crash', message: /greeting: .*ended with code 4/ });
});

t.test('a program that does not exist', async (t) => {
  const target = parseTarget('qmp:no-such-program-anywhere --x').create();
  await t.rejects(target.identify(), {
    kind: 'surroundings',
    message: /cannot start no-such-program-anywhere/,
  });
  const qsd = parseTarget('qsd@/nowhere').create();
  await t.rejects(qsd.begin(context()), {
    kind: 'surroundings',
    message: /apt-get install qemu-system-common/,
  });
});

const skip = unless(QSD_PROGRAM);
for (const command of [
  `${QSD_PROGRAM} --chardev stdio,id=c --monitor chardev=c`,
  `${QSD_PROGRAM} --chardev socket,id=c,path={socket},server=on,wait=off --monitor chardev=c`,
]) {
  t.test(`qmp:${command}`, { skip }, async (t) => {
    const target = parseTarget(`qmp:${command}`).create();
    t.teardown(() => target.close());
    for (const format of ['raw', 'overlay']) {
      const session = await target.begin(context({ format }));
      t.same(await session.open('d0', { size: 65536, driver: 'format' }), { return: {} });
      t.same(await session.io('d0', { op: 'write', offset: 0, length: 65536, pattern: 1 }), { ok: true });
      await session.end();
    }
  });
}

t.test('a program that never listens is not waited for once it has ended', async (t) => {
  const target = parseTarget(`qmp:${nodeScript('process.exitCode = 5')} {socket}`).create();
  await t.rejects(target.identify(), { kind: 'crash', message: /before it listened .*ended with code 5/ });
});

t.test('no process and no directory is left', async (t) => {
  t.same(leftovers(), []);
});
