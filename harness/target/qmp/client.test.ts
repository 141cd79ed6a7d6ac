import { writeFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { startChild } from '../process.js';
import { QmpClient } from './client.js';

/** A program that speaks QMP, one reply each `ms`: to `twice` it answers twice, to `never` not at all. */
const PROGRAM = `
import { createInterface } from 'node:readline';
const say = (message) => process.stdout.write(JSON.stringify(message) + '\\n');
say({ QMP: { version: { qemu: { major: 7, minor: 2, micro: 22 }, package: '' }, capabilities: [] } });
const ms = Number(process.argv[2]);
const queue = [];
const next = () => {
  const { execute, id } = queue[0];
  for (let left = { twice: 2, never: 0 }[execute] ?? 1; left > 0; left--) say({ return: {}, id });
  queue.shift();
  if (queue.length > 0) setTimeout(next, ms);
};
createInterface({ input: process.stdin }).on('line', (line) => {
  if (queue.push(JSON.parse(line)) === 1) setTimeout(next, ms);
});
`;

async function connected(t: Test, ms: number): Promise<QmpClient> {
  const file = `${t.testdir()}/program.mjs`;
  writeFileSync(file, PROGRAM);
  const child = await startChild({ file: process.execPath, args: [file, String(ms)], channel: 'stdio' });
  t.teardown(() => child.destroy());
  return QmpClient.connect(child, child, { isOurs: () => false }, 30_000);
}

/** What becomes of commands that are sent at once: `ok`, or the kind of the fault with the command that it names. */
async function together(client: QmpClient, commands: readonly string[], limitMs: number): Promise<string[]> {
  const asked = commands.map((command) => client.execute(command, undefined, limitMs));
  const settled = await Promise.allSettled(asked);
  return settled.map((one) =>
    one.status === 'fulfilled' ? 'ok' : `${one.reason.kind} ${/^\w+/.exec(one.reason.message)?.[0]}`,
  );
}

t.test('the time of a request begins when it is the first one that waits', async (t) => {
  const client = await connected(t, 400);
  t.same(await together(client, ['a', 'b', 'c', 'd', 'e', 'f'], 1500), Array(6).fill('ok'));
});

t.test('a command that is never answered hangs, and no later one', async (t) => {
  const client = await connected(t, 0);
  t.same(await together(client, ['a', 'never'], 300), ['ok', 'hang never']);
});

t.test('a reply is one to its command', async (t) => {
  const twice = await connected(t, 0);
  t.same((await together(twice, ['a', 'twice', 'b', 'c'], 30_000)).slice(0, 3), ['ok', 'ok', 'garbage b']);
  const never = await connected(t, 0);
  t.same((await together(never, ['a', 'never', 'b'], 30_000)).slice(0, 2), ['ok', 'garbage never']);
});
