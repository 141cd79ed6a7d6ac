/**
 * Mirrors over random histories: what a guest reads is what it wrote, whatever is done with the job; at rest the target is
 * the source; nothing contradicts itself. MIRROR.md, JOB-060 to JOB-075.
 */
import fc from 'fast-check';
import t from 'tap';
import { nodeSha256 } from '../../host/sha256.js';
import { type Json, type JsonObject, jsonObject } from '../../json/value.js';
import { QmpError } from '../../qmp/errors.js';
import { Machine } from '../../qmp/machine.js';
import { MemoryStorage } from '../../storage/memory-storage.js';

const CLUSTER = 65536;
const SIZE = 6 * CLUSTER + 1024;

interface Write {
  readonly act: 'write';
  readonly op: 'write' | 'zero' | 'discard';
  readonly offset: number;
  readonly length: number;
  readonly pattern: number;
}

interface Plan {
  readonly sync: 'full' | 'top' | 'none';
  readonly copyMode: 'background' | 'write-blocking';
  readonly granularity: number;
  readonly buffer: number;
  /** the format of the target; over the base of the source, or with nothing below */
  readonly target: 'qbm over base' | 'qbm' | 'raw';
  readonly discard: 'unmap' | 'ignore';
  readonly autoFinalize: boolean;
  /** the first write of this cluster of the target fails */
  readonly fault: number | null;
  readonly onError: 'report' | 'ignore' | 'stop';
}

type Verb = 'complete' | 'cancel' | 'force' | 'pause' | 'resume' | 'finalize';
type Act =
  | Write
  | { readonly act: 'steps'; readonly count: number }
  | { readonly act: 'rest' }
  | { readonly act: Verb };

const write: fc.Arbitrary<Write> = fc
  .record({
    op: fc.constantFrom('write', 'write', 'zero', 'discard'),
    first: fc.nat(SIZE),
    second: fc.oneof(
      fc.nat(SIZE),
      fc.nat(6).map((index) => index * CLUSTER),
    ),
    pattern: fc.integer({ min: 1, max: 255 }),
  })
  .map(({ op, first, second, pattern }) => {
    const [start, end] = [Math.min(first, second), Math.max(first, second)];
    return { act: 'write', op, offset: start, length: Math.min(end - start, 150_000), pattern } as Write;
  });

const plan: fc.Arbitrary<Plan> = fc.record({
  sync: fc.constantFrom('full', 'top', 'none'),
  copyMode: fc.constantFrom('background', 'write-blocking'),
  granularity: fc.constantFrom(512, 4096, 65536, 131072),
  buffer: fc.constantFrom(0, 4096, 131072),
  target: fc.constantFrom('qbm over base', 'qbm', 'raw'),
  discard: fc.constantFrom('unmap', 'ignore'),
  autoFinalize: fc.boolean(),
  fault: fc.option(fc.nat(6), { freq: 3 }),
  onError: fc.constantFrom('report', 'ignore', 'stop'),
});

const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 6, arbitrary: write },
  { weight: 4, arbitrary: fc.nat(4).map((count) => ({ act: 'steps', count }) as const) },
  { weight: 3, arbitrary: fc.constant({ act: 'rest' } as const) },
  {
    weight: 3,
    arbitrary: fc
      .constantFrom<Verb>('complete', 'cancel', 'force', 'pause', 'resume', 'finalize')
      .map((verb) => ({ act: verb })),
  },
);

/** A drive on a chain of two images, a target, and what the guest has written. */
class World {
  readonly machine = new Machine({ storage: new MemoryStorage(), makeHash: nodeSha256 });
  readonly content = new Uint8Array(SIZE).fill(0xb0, 0, 4 * CLUSTER);
  /** of the bitmap b0: granules of 4096 bytes */
  readonly dirty = new Set<number>();
  readonly reached = { ready: 0, same: 0, late: 0, pivoted: 0, failed: 0 };
  #plan: Plan;

  constructor(plan: Plan) {
    this.#plan = plan;
    this.#image('base', null);
    this.#write('base', { act: 'write', op: 'write', offset: 0, length: 4 * CLUSTER, pattern: 0xb0 });
    this.#create('disk', 'base');
    const drive = {
      driver: 'qbm',
      'node-name': 'disk',
      discard: 'unmap',
      file: file('disk.qbm'),
      backing: 'base',
    };
    this.machine.addDrive('drv0', jsonObject(drive));
    this.execute('block-dirty-bitmap-add', { node: 'disk', name: 'b0', granularity: 4096 });
    this.#target(plan);
  }

  get job() {
    return this.machine.jobs.all[0];
  }

  /** What the guest has: the filter, the source, or the target. */
  get guest(): string {
    return this.machine.graph.findAny('drv0')!.name;
  }

  start(): void {
    const { sync, copyMode, granularity, buffer, fault, onError, autoFinalize } = this.#plan;
    this.execute('blockdev-mirror', {
      'job-id': 'j0',
      device: 'drv0',
      target: fault === null ? 'target' : 'faulty',
      sync,
      'copy-mode': copyMode,
      granularity,
      'buf-size': buffer,
      'on-target-error': onError,
      'filter-node-name': 'filter',
      'auto-finalize': autoFinalize,
    });
  }

  perform(one: Act): void {
    switch (one.act) {
      case 'write':
        this.#guestWrites(one);
        break;
      case 'steps':
        for (let step = 0; step < one.count; step++) this.machine.step();
        break;
      case 'rest':
        this.machine.settle();
        this.#checkAtRest();
        break;
      default:
        this.#ask(one.act);
    }
    const wrong = this.machine.verify();
    if (wrong.length > 0) throw new Error(wrong.join('; '));
    if (!same(this.read(this.guest), this.content)) throw new Error('the guest reads something else');
  }

  end(): void {
    for (let round = 0; this.job !== undefined; round++) {
      if (round > 3) throw new Error(`it does not end: ${this.job.status}`);
      this.perform({ act: 'rest' });
      for (const verb of ['resume', 'complete'] as const) this.#ask(verb);
      this.perform({ act: 'rest' });
      if (this.job?.status === 'pending') {
        this.perform({ act: 'write', op: 'write', offset: 5000, length: 70_000, pattern: 0x5a });
        this.reached.late += 1;
      }
      this.#ask('finalize');
      this.perform({ act: 'rest' });
    }
    if (this.machine.graph.find('filter') !== undefined) throw new Error('the filter is left');
    const events = this.machine.takeEvents();
    const ends = events.filter(
      ({ event }) => event === 'BLOCK_JOB_COMPLETED' || event === 'BLOCK_JOB_CANCELLED',
    );
    if (ends.length !== 1) throw new Error(`${ends.length} ends`);
    const isPivoted = this.guest !== 'disk';
    const { error } = ends[0]!.data as JsonObject;
    if (isPivoted && error !== undefined) throw new Error('a job that failed has moved its guest');
    if (isPivoted) this.reached.pivoted += 1;
    if (error !== undefined) this.reached.failed += 1;
    if (!isPivoted) this.#checkBitmap();
  }

  read(node: string): Uint8Array {
    const bytes = this.machine.io(node, { op: 'read', offset: 0, length: SIZE });
    if (typeof bytes === 'string') throw new Error(bytes);
    return bytes;
  }

  execute(name: string, args: { readonly [argument: string]: Json }): void {
    this.machine.execute({ name, arguments: jsonObject(args) });
  }

  /** Ready, and nothing left to do: the two are the same, as far as the target shows what the job did not copy. */
  #checkAtRest(): void {
    const { job } = this;
    if (job?.status !== 'ready') return;
    this.reached.ready += 1;
    if (job.progress.current !== job.progress.total) throw new Error('it is at rest, but not done');
    const { sync, target } = this.#plan;
    if (sync === 'none' || (sync === 'top' && target !== 'qbm over base')) return;
    this.reached.same += 1;
    if (!same(this.read('target'), this.content)) throw new Error('the target is not the source');
  }

  #checkBitmap(): void {
    const bitmap = this.machine.graph.find('disk')!.bitmap('b0')!;
    for (let granule = 0; granule * 4096 < SIZE; granule++) {
      const isDirty = bitmap.nextDirty(granule * 4096, Math.min(SIZE, (granule + 1) * 4096)) >= 0;
      if (isDirty !== this.dirty.has(granule)) throw new Error(`b0 is wrong at ${granule * 4096}`);
    }
  }

  #ask(verb: Verb): void {
    const asked = {
      complete: ['job-complete', { id: 'j0' }],
      cancel: ['block-job-cancel', { device: 'j0' }],
      force: ['job-cancel', { id: 'j0' }],
      pause: ['job-pause', { id: 'j0' }],
      resume: ['job-resume', { id: 'j0' }],
      finalize: ['job-finalize', { id: 'j0' }],
    } as const;
    const { sync, target } = this.#plan;
    // A target that does not show all of the source cannot take its place without the guest noticing.
    const isWhole = sync === 'full' || (sync === 'top' && target === 'qbm over base');
    if (verb === 'complete' && !isWhole) verb = 'cancel';
    const [name, args] = asked[verb];
    try {
      this.execute(name, args);
    } catch (refusal) {
      if (!(refusal instanceof QmpError)) throw refusal;
    }
  }

  #guestWrites(one: Write): void {
    const isFiltered = this.guest === 'filter';
    this.#write(this.guest, one);
    const { op, offset, length, pattern } = one;
    if (length === 0 || (op === 'discard' && isFiltered)) return;
    if (op === 'discard') {
      this.content.set(this.read(this.guest)); // what a discard leaves is the driver's matter
    } else this.content.fill(op === 'zero' ? 0 : pattern, offset, offset + length);
    for (let at = Math.floor(offset / 4096); at * 4096 < offset + length; at++) this.dirty.add(at);
  }

  #write(node: string, { op, offset, length, pattern }: Write): void {
    const bytes = new Uint8Array(length).fill(pattern);
    const result = this.machine.io(node, op === 'write' ? { op, offset, bytes } : { op, offset, length });
    if (typeof result === 'string') throw new Error(`${op} ${offset} ${length}: ${result}`);
  }

  #target({ target, discard, fault, copyMode }: Plan): void {
    if (target === 'raw') {
      (this.machine.storage as MemoryStorage).put('target', SIZE);
      this.execute('blockdev-add', { driver: 'raw', 'node-name': 'target', discard, file: file('target') });
    } else this.#image('target', target === 'qbm' ? null : 'base', discard);
    // With sync top what is below shows through what the target does not have.
    const isOver = target === 'qbm over base';
    if (!isOver) this.#write('target', { act: 'write', op: 'write', offset: 0, length: SIZE, pattern: 0x77 });
    if (fault === null) return;
    const rule = { event: 'none', sector: fault * 128, once: true };
    const kinds = copyMode === 'background' ? ['write', 'write-zeroes'] : ['write'];
    this.execute('blockdev-add', {
      driver: 'blkdebug',
      'node-name': 'faulty',
      image: 'target',
      'inject-error': kinds.map((iotype) => jsonObject({ ...rule, iotype })),
    });
  }

  #create(name: string, backing: string | null): void {
    const { storage } = this.machine;
    (storage as MemoryStorage).put(`${name}.qbm`, 0);
    const below = backing === null ? {} : { 'backing-file': `${backing}.qbm`, 'backing-fmt': 'qbm' };
    const options = jsonObject({ driver: 'qbm', file: file(`${name}.qbm`), size: SIZE, ...below });
    this.execute('blockdev-create', { 'job-id': 'make', options });
    this.machine.settle();
    const { error } = this.job!;
    if (error !== null) throw new Error(error);
    this.execute('job-dismiss', { id: 'make' });
    this.machine.takeEvents();
  }

  #image(name: string, backing: string | null, discard = 'unmap'): void {
    this.#create(name, backing);
    const below = backing === null ? {} : { backing };
    this.execute('blockdev-add', {
      driver: 'qbm',
      'node-name': name,
      discard,
      file: file(`${name}.qbm`),
      ...below,
    });
  }
}

function file(filename: string): JsonObject {
  return jsonObject({ driver: 'file', filename });
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

const GOALS = ['ready', 'same', 'late', 'pivoted', 'failed'] as const;

t.test('a guest never notices a mirror, and the target is the source at rest (JOB-060 to JOB-075)', (t) => {
  const reached = { ready: 0, same: 0, late: 0, pivoted: 0, failed: 0 };
  const before = fc.array(write, { maxLength: 4 });
  const acts = fc.array(act, { maxLength: 20 });
  const history = fc.property(plan, before, acts, (one, writes, more) => {
    const world = new World(one);
    for (const each of writes) world.perform(each);
    world.start();
    for (const each of more) world.perform(each);
    world.end();
    for (const goal of GOALS) reached[goal] += world.reached[goal];
  });
  fc.assert(history, { numRuns: 250, seed: 41 });
  t.ok(
    Object.values(reached).every((count) => count > 20),
    JSON.stringify(reached),
  );
  t.end();
});
