/** The steps `restart` and `kill` on real processes: what stays, what goes, and every way in which it can go wrong. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { context, leftovers, nodeScript, QEMUS, unless } from '../fixtures.js';
import { parseTarget } from '../parse.js';
import { type NodeObservation, type Session, TargetFault } from '../target.js';
import { QSD_PROGRAM } from './qsd.js';

const SIZE = 1049088; // 1 MiB and a sector

/** A new image with a persistent bitmap and one that is not, both with one dirty granule; an export is kept open. */
async function prepare(session: Session): Promise<void> {
  await session.open('d0', { size: SIZE, driver: 'format' });
  await session.qmp('block-dirty-bitmap-add', { node: 'd0', name: 'kept', persistent: true });
  await session.qmp('block-dirty-bitmap-add', { node: 'd0', name: 'gone' });
  await session.io('d0', { op: 'write', offset: 65536, length: 512, pattern: 7 });
}

function bitmapsOf(observed: unknown): readonly unknown[] {
  return (observed as NodeObservation).bitmaps.map(({ name, count, recording, inconsistent, dirty }) => {
    return [name, count, recording, inconsistent, dirty];
  });
}

const DIRTY = [{ offset: 65536, length: 65536 }];

for (const { name, skip, create } of QEMUS) {
  t.test(`${name}: restarted, it has the files and nothing else`, { skip }, async (t) => {
    const target = create();
    t.teardown(() => target.close());
    t.ok((await target.identify()).capabilities.has('restart'));
    const session = await target.begin(context({ format: 'overlay' }));
    const { directory } = session;
    await session.create('other', 512);
    await prepare(session);
    const [before] = pids();
    await session.restart('quit');
    t.equal(pids().length, 1);
    t.not(pids()[0], before);
    t.equal(session.directory, directory);
    t.ok(existsSync(join(directory!, 'other')));
    t.same(await session.qmp('query-named-block-nodes', undefined), { return: [] });
    t.same(session.events(), [], 'nothing of the end shows');
    t.same(await session.open('d0', { existing: true, driver: 'format' }), { return: {} });
    t.same(bitmapsOf(await session.observe('d0')), [['kept', 65536, true, false, DIRTY]]);
    t.same(await session.io('d0', { op: 'read', offset: 65536, length: 512, pattern: 7 }), { ok: true });
    const [after] = pids();
    await session.end();
    const next = await target.begin(context());
    t.same(pids(), [after], 'it serves the next case as any other');
    t.notOk(existsSync(join(next.directory!, 'other')));
    await next.end();
  });

  t.test(`${name}: killed, it has stored nothing, and locks nothing`, { skip }, async (t) => {
    const target = create();
    t.teardown(() => target.close());
    const session = await target.begin(context({ format: 'overlay' }));
    await prepare(session);
    await session.restart('kill');
    // Each round finds the image as a process left it that was killed with the image open for writing.
    for (let round = 0; round < 3; round++) {
      t.same(await session.open('d0', { existing: true, driver: 'format' }), { return: {} });
      t.same(bitmapsOf(await session.observe('d0')), [], 'it was never stored');
      t.same(await session.io('d0', { op: 'write', offset: 0, length: 512, pattern: 8 }), { ok: true });
      await session.restart('kill');
    }
    await session.open('d0', { existing: true, driver: 'format' });
    await session.qmp('block-dirty-bitmap-add', { node: 'd0', name: 'kept', persistent: true });
    await session.restart('quit');
    await session.open('d0', { existing: true, driver: 'format' });
    await session.restart('kill');
    await session.open('d0', { existing: true, driver: 'format' });
    t.same(bitmapsOf(await session.observe('d0')), [['kept', 0, false, true, null]]);
    await session.end();
  });

  t.test(`${name}: a restart takes away what no command could`, { skip }, async (t) => {
    const target = create();
    t.teardown(() => target.close());
    const session = await target.begin(context());
    await session.qmp('object-add', { 'qom-type': 'iothread', id: 'io0' });
    await session.restart('kill');
    const [before] = pids();
    await session.end();
    const next = await target.begin(context());
    t.same(pids(), [before]);
    await next.end();
  });

  t.test(`${name}: one that died by itself was not killed by the case`, { skip }, async (t) => {
    for (const how of ['quit', 'kill'] as const) {
      const target = create();
      const session = await target.begin(context());
      process.kill(pids()[0]!, 'SIGSEGV');
      await t.rejects(session.qmp('query-version', undefined), TargetFault);
      await t.rejects(session.restart(how), { kind: 'crash', message: /SIGSEGV/ });
      await session.end();
      await target.close();
    }
  });

  t.test(`${name}: one that does not end hangs, and can be killed`, { skip }, async (t) => {
    const target = create();
    t.teardown(() => target.close());
    const session = await target.begin(context({ limitMs: 300 }));
    process.kill(pids()[0]!, 'SIGSTOP');
    await t.rejects(session.restart('quit'), { kind: 'hang', message: /quit: no reply within 300 ms/ });
    await session.end();
    const next = await target.begin(context());
    process.kill(pids()[0]!, 'SIGSTOP');
    await next.restart('kill');
    t.same(await next.qmp('query-named-block-nodes', undefined), { return: [] });
    await next.end();
  });

  t.test(`${name}: closed in the middle of a restart`, { skip }, async (t) => {
    const target = create();
    const session = await target.begin(context());
    const restarted = session.restart('kill').catch(() => {});
    await target.close();
    await restarted;
    t.same(leftovers(), []);
  });
}

for (const place of ['stdio', 'socket,path={socket},server=on,wait=off']) {
  const command = `${QSD_PROGRAM} --chardev ${place.replace(/^\w+/, '$&,id=c')} --monitor chardev=c`;
  t.test(`qmp:${command}`, { skip: unless(QSD_PROGRAM) }, async (t) => {
    const target = parseTarget(`qmp:${command}`).create();
    t.teardown(() => target.close());
    const session = await target.begin(context({ format: 'overlay' }));
    await prepare(session);
    for (const how of ['quit', 'kill', 'quit'] as const) {
      await session.restart(how);
      t.same(await session.open('d0', { existing: true, driver: 'format' }), { return: {} }, how);
      t.same(await session.io('d0', { op: 'flush' }), { ok: true });
    }
    t.same(bitmapsOf(await session.observe('d0')), [['kept', 0, false, true, null]]);
    await session.end();
  });
}

const GREETING =
  '{"QMP": {"version": {"qemu": {"major": 9, "minor": 1, "micro": 0}, "package": ""}, "capabilities": []}}';

/** A program that does `quit` when told to, after some words on stderr, and answers everything else with nothing. */
function server(quit: string): string {
  return nodeScript(`
    import { createInterface } from "node:readline";
    const say = (value, then) => process.stdout.write(JSON.stringify(value) + "\\n", then);
    process.stdout.write(${JSON.stringify(GREETING)} + "\\n");
    createInterface({ input: process.stdin }).on("line", (line) => {
      const { execute } = JSON.parse(line);
      if (execute === "quit") process.stderr.write("last words\\n", () => { ${quit} });
      else say({ return: execute === "query-commands" ? [] : {} });
    });`);
}

const ENDINGS: readonly (readonly [name: string, quit: string, kind: string | null, message: RegExp])[] = [
  ['replies, then ends', 'say({ return: {} }, () => process.exit(0))', null, /./],
  ['ends without a reply', 'process.exit(0)', null, /./],
  [
    'replies, then works for a while with its connection closed',
    'say({ return: {} }, () => process.stdout.destroy()); setTimeout(() => process.exit(0), 1500)',
    null,
    /./,
  ],
  [
    'has something to say',
    'say({ event: "SHUTDOWN" }); say({ return: {} }, () => process.exit(0))',
    null,
    /./,
  ],
  ['refuses', 'say({ error: { class: "GenericError", desc: "not now" } })', 'surroundings', /quit: not now/],
  ['stays', 'say({ return: {} }); setInterval(() => {}, 1000)', 'hang', /still runs 500 ms after/],
  [
    'ends badly',
    'process.stderr.write("lost a bitmap\\n", () => say({ return: {} }, () => process.exit(3)))',
    'crash',
    /quit: .* ended with code 3; it printed:.*lost a bitmap/s,
  ],
];

for (const [name, quit, kind, message] of ENDINGS) {
  t.test(`a program that, told to quit, ${name}`, async (t) => {
    const target = parseTarget(`qmp:${server(quit)}`).create();
    t.teardown(() => target.close());
    const session = await target.begin(context({ limitMs: name === 'stays' ? 500 : 20_000 }));
    const [before] = pids();
    if (kind === null) {
      await session.restart('quit');
      const [after] = pids();
      t.not(after, before);
      t.same(session.events(), []);
      t.same(await session.qmp('anything', undefined), { return: {} });
      t.match(session.stderr!(), /^last words/, 'of the one that is gone');
    } else {
      await t.rejects(session.restart('quit'), { kind, message });
    }
    await session.end();
  });
}

t.test('no process and no directory is left', async (t) => {
  t.same(leftovers(), []);
});

/** The processes that are our children. */
function pids(): number[] {
  return leftovers()
    .filter((left) => left.startsWith('process '))
    .map((left) => Number(left.slice('process '.length)));
}
