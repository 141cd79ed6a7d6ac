/** Hundreds of backups at once, of as many disks and of one, on the specification and on a real qemu-storage-daemon. */
import t from 'tap';
import { nodeSha256 } from '../host/sha256.js';
import { readJson } from '../json/read.js';
import { type Json, type JsonObject, jsonObject } from '../json/value.js';
import { writeJson } from '../json/write.js';
import { Machine } from '../qmp/machine.js';
import { Daemon, daemonVersion } from '../qmp/qsd-for-tests.js';
import { MemoryStorage } from '../storage/memory-storage.js';

const DISKS = 300;
/** Backups of one disk: each has a filter, and all of them stand on each other. */
const OF_ONE = 100;
/** For all commands of a test, milliseconds; far more than they take. */
const LIMIT_MS = 240_000;

type Run = (name: string, args?: object) => Promise<Json>;

/** Starts them, has all of them pending at once, and ends every other one well. */
async function playMany(run: Run, count: number, source: (at: number) => string): Promise<void> {
  for (let at = 0; at < count; at++) {
    await run('blockdev-add', { driver: 'null-co', 'node-name': `target${at}`, size: 65536 });
    await run('blockdev-backup', {
      'job-id': `j${at}`,
      device: source(at),
      target: `target${at}`,
      sync: 'full',
      'auto-finalize': false,
    });
  }
  await until(run, (jobs) => jobs.length === count && jobs.every(({ status }) => status === 'pending'));
  for (let at = 0; at < count; at++)
    await run(at % 2 === 0 ? 'job-finalize' : 'job-cancel', { id: `j${at}` });
  await until(run, (jobs) => jobs.length === 0);
  for (let at = 0; at < count; at++) await run('blockdev-del', { 'node-name': `target${at}` });
}

/** Asks until it is so: nothing else tells that all jobs rest. */
async function until(run: Run, isSo: (jobs: readonly JsonObject[]) => boolean): Promise<void> {
  const end = performance.now() + LIMIT_MS;
  while (!isSo((await run('query-jobs')) as JsonObject[]))
    if (performance.now() > end) throw new Error('the jobs do not come to rest');
}

async function play(run: Run): Promise<JsonObject[]> {
  for (let at = 0; at < DISKS; at++)
    await run('blockdev-add', { driver: 'null-co', 'node-name': `disk${at}`, size: 65536 });
  await playMany(run, DISKS, (at) => `disk${at}`);
  await playMany(run, OF_ONE, () => 'disk0');
  return (await run('query-named-block-nodes', { flat: true })) as JsonObject[];
}

function names(nodes: readonly JsonObject[]): string {
  return nodes.map((node) => node['node-name']).join(' ');
}

const LEFT = Array.from({ length: DISKS }, (_, at) => `disk${DISKS - 1 - at}`).join(' ');

t.setTimeout(LIMIT_MS);

t.test('hundreds of backups at once (JOB-004, JOB-042)', async (t) => {
  const machine = new Machine({ storage: new MemoryStorage(), makeHash: nodeSha256 });
  const nodes = await play(async (name, args) => {
    machine.settle();
    return machine.execute({ name, arguments: args === undefined ? undefined : jsonObject({ ...args }) });
  });
  t.equal(names(nodes), LEFT, 'only the disks are left');
  t.same(machine.verify(), []);
});

const skip =
  daemonVersion() === undefined && process.env.CI === undefined
    ? 'qemu-storage-daemon is not in PATH'
    : false;

t.test('so does QEMU', { skip, timeout: LIMIT_MS }, async (t) => {
  using daemon = new Daemon();
  await daemon.line();
  const run: Run = async (name, args) => {
    const request = args === undefined ? { execute: name } : { execute: name, arguments: { ...args } };
    daemon.send(`${writeJson(jsonObject(request as { [name: string]: Json }))}\n`);
    for (;;) {
      const message = readJson(await daemon.line()) as JsonObject;
      if (message.event !== undefined) continue;
      if (message.error !== undefined) throw new Error(`${name}: ${writeJson(message.error)}`);
      return message.return!;
    }
  };
  await run('qmp_capabilities');
  t.equal(names(await play(run)), LEFT, 'only the disks are left');
});
