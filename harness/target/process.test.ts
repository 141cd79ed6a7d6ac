import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { leftovers } from './fixtures.js';
import { closeAll, ScratchDirectory, settles, startChild } from './process.js';

const file = process.execPath;
const SLEEP = 'setInterval(() => {}, 1000)';

t.test('a child that ends by itself', async (t) => {
  const child = await startChild({
    file,
    args: ['-e', 'console.error("why"); process.exitCode = 3'],
    channel: 'stdio',
  });
  t.equal(child.death(), null);
  t.same(await child.exited, { code: 3, signal: null });
  t.match(child.death(), /ended with code 3; it printed:\n {2}\| why$/);
  await child.stop();
});

t.test('a child that heeds SIGTERM, and one that does not', async (t) => {
  const heeds = await startChild({ file, args: ['-e', SLEEP], channel: 'log' });
  await heeds.stop();
  t.same(heeds.exit, { code: null, signal: 'SIGTERM' });
  const script = `process.on("SIGTERM", () => {}); console.log("ready"); ${SLEEP}`;
  const deaf = await startChild({ file, args: ['-e', script], channel: 'stdio' });
  await once(deaf.output, 'data');
  await deaf.stop();
  t.same(deaf.exit, { code: null, signal: 'SIGKILL' });
});

t.test('only the end of a long log is kept', async (t) => {
  const script = 'process.stderr.write("x".repeat(1e6) + "the end")';
  const child = await startChild({ file, args: ['-e', script], channel: 'log' });
  await child.exited;
  t.equal(child.printed, 1e6 + 7);
  t.equal(child.stderr().length, 16384);
  t.equal(child.stderr(1e6), 'the end');
  t.equal(child.stderr(1e6 + 7), '');
});

for (const ends of [SLEEP, 'process.exit(0)']) {
  t.test(`what a child started dies with it: ${ends}`, async (t) => {
    const script = `const { spawn } = require("child_process");
    const c = spawn(process.execPath, ["-e", "${SLEEP}"]); 
    process.stdout.write(String(c.pid), () => { ${ends} });`;
    const child = await startChild({ file, args: ['-e', script], channel: 'stdio' });
    const [pid] = await once(child.output, 'data');
    await child.destroy();
    t.ok(await settles(gone(Number(pid)), 10_000));
  });
}

t.test('closeAll stops everything', async (t) => {
  const before = process.listenerCount('SIGINT'); // tap has its own
  const directory = new ScratchDirectory();
  t.equal(process.listenerCount('SIGINT'), before + 1);
  writeFileSync(join(directory.path, 'file'), '');
  const child = await startChild({ file, args: ['-e', SLEEP], channel: 'log' });
  await closeAll();
  t.ok(child.exit);
  t.notOk(existsSync(directory.path));
  t.equal(process.listenerCount('SIGINT'), before, 'Ctrl-C is left as it was');
});

for (const [how, ending] of [
  ['exits', 'process.exit(0)'],
  ['dies of an error', 'throw new Error("x")'],
  ['gets SIGTERM', 'process.kill(process.pid, "SIGTERM")'],
  ['gets SIGINT', 'process.kill(process.pid, "SIGINT")'],
  ['gets SIGKILL', 'process.kill(process.pid, "SIGKILL")'],
] as const) {
  t.test(`nothing is left of a harness that ${how}`, async (t) => {
    const url = new URL('./process.js', import.meta.url).href;
    const script = `import { startChild, ScratchDirectory } from ${JSON.stringify(url)};
      const directory = new ScratchDirectory();
      const child = await startChild({ file: process.execPath, args: ["-e", "${SLEEP}"], channel: "log" });
      process.stdout.write(JSON.stringify({ pid: child.pid, path: directory.path }), () => { ${ending} });`;
    // By env -i, because the test runner puts signal handlers of its own into every Node that is started below it.
    const alone = ['-i', `PATH=${process.env.PATH}`, `TMPDIR=${tmpdir()}`, file];
    const harness = spawn('env', [...alone, '--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let said = '';
    harness.stdout.on('data', (chunk) => {
      said += chunk;
    });
    const [, signal] = await once(harness, 'close');
    if (how.includes('SIG')) t.equal(signal, how.slice(-7).trim());
    const { pid, path } = JSON.parse(said);
    // A process that can handle its end leaves nothing to be done after it.
    if (signal !== 'SIGKILL') t.notOk(existsSync(path), 'its directory');
    t.ok(await settles(gone(pid), 10_000), 'its child');
    t.ok(await settles(removed(path), 10_000), 'its directory');
  });
}

t.test('after SIGKILL only what is still there is ended and removed', async (t) => {
  const dir = t.testdir({ 'a b': { file: '' }, b: {}, a: {} });
  const stays = spawn(file, ['-e', SLEEP], { detached: true });
  const goes = spawn(file, ['-e', SLEEP], { detached: true });
  const url = new URL('./after-kill.js', import.meta.url).href;
  const told = [join(dir, 'b'), stays.pid, join(dir, 'a b'), goes.pid];
  const script = `import { AfterKill } from ${JSON.stringify(url)};
    const one = new AfterKill();
    for (const what of ${JSON.stringify(told)}) one.add(what);
    one.remove(${JSON.stringify(told[0])});
    one.remove(${stays.pid});
    process.kill(process.pid, "SIGKILL");`;
  await once(spawn(file, ['--input-type=module', '-e', script]), 'close');
  t.ok(await settles(once(goes, 'close'), 10_000));
  t.ok(await settles(removed(join(dir, 'a b')), 10_000));
  t.same(readdirSync(dir).sort(), ['a', 'b']);
  t.equal(stays.exitCode, null);
  stays.kill('SIGKILL');
  t.same(await once(stays, 'close'), [null, 'SIGKILL']);
});

t.test('no process and no directory is left', async (t) => {
  t.same(leftovers(), []);
});

async function gone(pid: number): Promise<void> {
  while (isRunning(pid)) await new Promise(setImmediate);
}

async function removed(path: string): Promise<void> {
  while (existsSync(path)) await new Promise(setImmediate);
}

/** Not gone and no zombie (it is one until somebody has waited for it, which is init here). */
function isRunning(pid: number): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).length > 0;
  } catch {
    return false;
  }
}
