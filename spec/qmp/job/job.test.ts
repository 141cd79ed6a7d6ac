import t from 'tap';
import { RESIZE, WRITE } from '../../block/permissions.js';
import { nodeSha256 } from '../../host/sha256.js';
import { ScriptedDriver, type Unit } from '../../job/scripted-job-for-tests.js';
import { type Json, jsonObject } from '../../json/value.js';
import { MemoryStorage } from '../../storage/memory-storage.js';
import type { QmpError } from '../errors.js';
import { Machine } from '../machine.js';

class World {
  readonly storage = new MemoryStorage();
  readonly machine = new Machine({ storage: this.storage, makeHash: nodeSha256 });

  /** What follows `return`, or the text of the error. */
  run(name: string, args: { readonly [name: string]: Json } = {}): Json {
    try {
      return this.machine.execute({ name, arguments: jsonObject(args) });
    } catch (error) {
      return (error as QmpError).desc;
    }
  }

  job(script: readonly Unit[]) {
    const job = this.machine.jobs.createBlockJob(new ScriptedDriver('backup', script), { id: 'j0' });
    job.start();
    this.machine.settle();
    return job;
  }

  /** The error of a blockdev-create, or null. */
  create(options: { readonly [name: string]: Json }): Json {
    const refused = this.run('blockdev-create', { 'job-id': 'create', options: jsonObject(options) });
    if (typeof refused === 'string') return refused;
    this.machine.settle();
    const [job] = this.run('query-jobs') as { error?: string; status: string }[];
    t.equal(job!.status, 'concluded');
    t.same(this.run('job-dismiss', { id: 'create' }), {});
    return job!.error ?? null;
  }
}

t.test('a block job is a user of its nodes (JOB-021)', (t) => {
  const world = new World();
  const { machine } = world;
  for (const name of ['disk', 'other'])
    world.run('blockdev-add', { driver: 'null-co', 'node-name': name, size: 65536, 'read-zeroes': true });
  const job = world.job(['wait']);
  const disk = machine.graph.find('disk')!;
  job.use(disk, 'main node', { needs: WRITE, shares: 15 & ~RESIZE });
  t.same(machine.verify(), []);
  t.equal(
    world.run('blockdev-del', { 'node-name': 'disk' }),
    "Node 'disk' is busy: block device is in use by block job: backup",
  );
  t.throws(() => job.use(disk, 'second', { needs: RESIZE, shares: 15 }), {
    message:
      "Permission conflict on node 'disk': permissions 'resize' are both required by backup job 'j0' (uses node 'disk' as 'second' child) and unshared by backup job 'j0' (uses node 'disk' as 'main node' child).",
  });
  t.equal(job.uses.length, 1);
  t.same(world.run('blockdev-del', { 'node-name': 'other' }), {});
  world.run('job-cancel', { id: 'j0' });
  machine.settle();
  t.same(disk.parents, []);
  t.same(world.run('blockdev-del', { 'node-name': 'disk' }), {});
  t.same(machine.verify(), []);
  t.end();
});

t.test('a node that only a job holds goes with it (JOB-021)', (t) => {
  const world = new World();
  const { machine } = world;
  world.run('blockdev-add', { driver: 'null-co', 'node-name': 'disk', size: 65536 });
  const disk = machine.graph.find('disk')!;
  const job = world.job(['wait']);
  job.use(disk, 'main node', { needs: 0, shares: 15 });
  disk.monitorOwned = false;
  t.same(machine.verify(), []);
  job.letGo();
  t.equal(machine.graph.find('disk'), undefined);
  t.end();
});

t.test('complete, and speed (JOB-007, JOB-018)', (t) => {
  const world = new World();
  world.job(['ready', 'wait']);
  const speed = (value: Json) => world.run('block-job-set-speed', { device: 'j0', speed: value });
  t.same(speed(2 ** 40), {});
  t.match(world.run('query-block-jobs'), [{ speed: 2 ** 40, ready: true, paused: false, busy: false }]);
  t.equal(speed(-1), "Parameter 'speed' expects a non-negative value");
  t.same(world.run('job-complete', { id: 'j0' }), {});
  world.machine.settle();
  t.same(world.run('query-jobs'), []);
  t.end();
});

t.test('an orderly end with jobs (JOB-020)', (t) => {
  const world = new World();
  world.job(['wait']);
  world.run('blockdev-create', {
    'job-id': 'c',
    options: jsonObject({ driver: 'file', filename: 'a', size: 1 }),
  });
  world.machine.shutDown();
  t.same(world.machine.jobs.all, []);
  t.same(world.storage.files(), [], 'a job that was cancelled before its first step has done nothing');
  t.end();
});

t.test('what a file is made over, and how large (JOB-032)', (t) => {
  const world = new World();
  const file = (size: Json, more = {}) => world.create({ driver: 'file', filename: 'a', size, ...more });
  t.equal(file(1000), null);
  t.equal(file(2n ** 62n), 'Could not resize file: File too large');
  t.equal(file(2n ** 63n), 'Could not resize file: Invalid argument');
  t.equal(world.storage.open('a').size, 0);
  t.equal(
    world.create({ driver: 'file', filename: '', size: 1 }),
    "Could not create '': No such file or directory",
  );
  world.run('blockdev-add', { driver: 'file', 'node-name': 'a', filename: 'a' });
  t.equal(file(4096), null, 'a node without users is in nobody’s way');
  world.run('blockdev-add', { driver: 'raw', 'node-name': 'part', file: 'a', offset: 512, size: 512 });
  t.equal(file(4096), 'Failed to get "resize" lock');
  world.run('blockdev-del', { 'node-name': 'part' });
  const node = world.machine.graph.find('a')!;
  world.job(['wait']).use(node, 'main node', { needs: RESIZE, shares: 15 });
  t.equal(file(4096), 'Failed to get shared "resize" lock');
  t.equal(world.storage.open('a').size, 4096, 'and nothing has changed');
  t.end();
});

t.test('a QBM image that is refused leaves no file, and none is overwritten (JOB-033, JOB-034)', (t) => {
  const world = new World();
  const { storage } = world;
  const image = (more: { readonly [name: string]: Json }) =>
    world.create({ driver: 'qbm', file: jsonObject({ driver: 'file', filename: 'disk.qbm' }), ...more });
  t.match(image({ size: 1 }), 'No such file or directory');
  storage.put('disk.qbm', 1);
  t.equal(image({ size: 1 }), '"disk.qbm" exists already');
  storage.put('disk.qbm', 0);
  t.match(image({ size: 2n ** 53n }), 'too large');
  t.match(image({ size: 1, 'backing-file': '../x', 'backing-fmt': 'null-co' }), 'disk.qbm');
  t.match(image({ 'data-file': 'x' }), 'there is no file "x"');
  t.same(
    storage.files().map(([name]) => name),
    ['disk.qbm'],
  );
  storage.put('disk.data', 4096);
  t.equal(image({ size: 1 }), '"disk.data" exists already');
  t.equal(image({ size: 1048576, 'data-file': 'other', 'backing-file': 'b', 'backing-fmt': 'raw' }), null);
  t.same(
    storage.files().map(([name]) => name),
    ['disk.allocation.allocation.bitmap', 'disk.data', 'disk.qbm', 'other'],
  );
  t.same(world.machine.verify(), []);
  t.same(world.run('query-named-block-nodes'), []);
  t.end();
});
