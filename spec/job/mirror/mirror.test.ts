/** Mirrors at the limits: many at once, disks of any size, bits and buffers that nobody has room for. MIRROR.md. */
import t from 'tap';
import { nodeSha256 } from '../../host/sha256.js';
import { type Json, jsonObject } from '../../json/value.js';
import { QmpError } from '../../qmp/errors.js';
import { Machine } from '../../qmp/machine.js';
import { MemoryStorage } from '../../storage/memory-storage.js';

function newMachine(): Machine {
  return new Machine({ storage: new MemoryStorage(), makeHash: nodeSha256 });
}

function execute(machine: Machine, name: string, args: { readonly [argument: string]: Json }): void {
  machine.execute({ name, arguments: jsonObject(args) });
}

function addZeros(machine: Machine, size: number, ...names: string[]): void {
  for (const name of names)
    execute(machine, 'blockdev-add', { driver: 'null-co', 'node-name': name, size, 'read-zeroes': true });
}

function refusal(action: () => void): string {
  try {
    action();
  } catch (error) {
    if (error instanceof QmpError) return error.id;
    throw error;
  }
  return 'nothing';
}

t.test('hundreds of mirrors at once: all follow, all end, nothing is left (JOB-060, JOB-073)', (t) => {
  const machine = newMachine();
  const names = Array.from({ length: 200 }, (_, at) => String(at));
  for (const at of names) {
    addZeros(machine, 65536, `disk${at}`, `target${at}`);
    execute(machine, 'blockdev-mirror', {
      'job-id': `j${at}`,
      device: `disk${at}`,
      target: `target${at}`,
      sync: 'full',
    });
  }
  machine.settle();
  t.ok(machine.jobs.all.every(({ status }) => status === 'ready'));
  t.same(machine.verify(), []);
  for (const at of names) execute(machine, 'job-complete', { id: `j${at}` });
  machine.settle();
  t.same(machine.jobs.all, []);
  t.equal(machine.graph.nodes.length, 2 * names.length, 'no filter is left');
  t.same(machine.verify(), []);
  t.end();
});

t.test('what is known to be zeros costs little, however much it is (JOB-066)', (t) => {
  const machine = newMachine();
  addZeros(machine, 2 ** 44, 'disk', 'target');
  const mirror = { device: 'disk', target: 'target', sync: 'full', granularity: 2 ** 26 };
  execute(machine, 'blockdev-mirror', { 'job-id': 'j0', ...mirror });
  let steps = 0;
  while (machine.step()) steps += 1;
  t.ok(steps < 20_000, `${steps} steps`);
  t.match(machine.jobs.all[0], { status: 'ready', progress: { current: 2 ** 44, total: 2 ** 44 } });
  t.end();
});

t.test('a buffer is asked for that no host has: as much is used as there is need of (JOB-066)', (t) => {
  const machine = newMachine();
  (machine.storage as MemoryStorage).put('disk', 3 * 2 ** 20);
  const file = jsonObject({ driver: 'file', filename: 'disk' });
  execute(machine, 'blockdev-add', { driver: 'raw', 'node-name': 'disk', file });
  machine.io('disk', { op: 'write', offset: 0, bytes: new Uint8Array(3 * 2 ** 20).fill(1) });
  addZeros(machine, 3 * 2 ** 20, 'target');
  const mirror = { device: 'disk', target: 'target', sync: 'full', 'buf-size': 2 ** 50 };
  execute(machine, 'blockdev-mirror', { 'job-id': 'j0', ...mirror });
  machine.settle();
  t.equal(machine.jobs.all[0]?.status, 'ready');
  t.end();
});

t.test('more bits than a bitmap has are refused, and all is as before (JOB-061)', (t) => {
  const machine = newMachine();
  addZeros(machine, 2 ** 52, 'disk', 'target');
  const mirror = { 'job-id': 'j0', device: 'disk', target: 'target', sync: 'none', granularity: 512 };
  t.equal(
    refusal(() => execute(machine, 'blockdev-mirror', mirror)),
    'BMP-E-TOO-LARGE',
  );
  t.same(machine.jobs.all, []);
  t.same(machine.graph.nodes.map(({ name }) => name).sort(), ['disk', 'target']);
  t.same(machine.verify(), []);
  t.end();
});
