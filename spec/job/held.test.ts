/** Jobs and guests whose requests breakpoints hold: nothing is lost, whatever the order. FILTERS.md, REF-091, REF-095; BACKUP.md. */
import fc from 'fast-check';
import t from 'tap';
import { nodeSha256 } from '../host/sha256.js';
import { type Json, jsonObject } from '../json/value.js';
import { createImage } from '../qbm/create.js';
import { imageRef } from '../qbm/descriptor.js';
import { type IoResult, Machine } from '../qmp/machine.js';
import type { MemoryFile } from '../storage/memory.js';
import { MemoryStorage } from '../storage/memory-storage.js';
import { BlockJob } from './block-job.js';

const CLUSTER = 65536;
const CLUSTERS = 3;
const SIZE = CLUSTERS * CLUSTER;
const BREAKPOINTS = ['source', 'target'] as const;
const TAGS = ['A', 'B'] as const;

type Step =
  | {
      readonly do: 'break';
      readonly at: (typeof BREAKPOINTS)[number];
      readonly event: string;
      readonly tag: string;
    }
  | {
      readonly do: 'resume' | 'remove_break';
      readonly at: (typeof BREAKPOINTS)[number];
      readonly tag: string;
    }
  | {
      readonly do: 'write' | 'zero';
      readonly sector: number;
      readonly sectors: number;
      readonly pattern: number;
    }
  | { readonly do: 'start'; readonly sync: 'full' | 'incremental' }
  | { readonly do: 'units'; readonly count: number }
  | { readonly do: 'job-pause' | 'job-resume' | 'job-cancel' | 'job-finalize' };

const at = fc.constantFrom(...BREAKPOINTS);
const tag = fc.constantFrom(...TAGS);
const event = fc.constantFrom('pwritev', 'pwritev_zero', 'read_aio', 'write_aio');
const step: fc.Arbitrary<Step> = fc.oneof(
  ...[1, 2].map(() => fc.record({ do: fc.constant('break' as const), at, event, tag })),
  fc.record({ do: fc.constantFrom('resume' as const, 'remove_break' as const), at, tag }),
  ...[1, 2].map(() =>
    fc.record({
      do: fc.constantFrom('write' as const, 'write' as const, 'zero' as const),
      sector: fc.nat(SIZE / 512 - 1),
      sectors: fc.integer({ min: 1, max: 150 }),
      pattern: fc.integer({ min: 1, max: 255 }),
    }),
  ),
  fc.record({
    do: fc.constant('start' as const),
    sync: fc.constantFrom('full' as const, 'incremental' as const),
  }),
  fc.record({ do: fc.constant('units' as const), count: fc.integer({ min: 1, max: 4 }) }),
  fc.record({
    do: fc.constantFrom(
      'job-pause' as const,
      'job-resume' as const,
      'job-cancel' as const,
      'job-finalize' as const,
      'job-finalize' as const,
    ),
  }),
);

/** A disk that is backed up to a target again and again, with blkdebug below both. */
class Bench {
  readonly machine: Machine;
  /** what was reached, by any history */
  readonly seen: Set<string>;
  readonly #files = new Map<'disk' | 'copy', MemoryFile>();
  /** the disk when the backup began that is under way; null: none is */
  #moment: Uint8Array | null = null;

  constructor(seen: Set<string>) {
    this.seen = seen;
    const storage = new MemoryStorage();
    this.machine = new Machine({ storage, makeHash: nodeSha256 });
    for (const [node, file] of [
      ['disk', 'source'],
      ['copy', 'target'],
    ] as const) {
      this.#files.set(node, storage.put(file, SIZE));
      const image = jsonObject({ driver: 'file', filename: file });
      this.qmp('blockdev-add', { driver: 'blkdebug', 'node-name': file, image });
      this.qmp('blockdev-add', { driver: 'raw', 'node-name': node, file });
    }
    this.qmp('block-dirty-bitmap-add', { node: 'disk', name: 'b0', granularity: CLUSTER });
  }

  qmp(name: string, args: { readonly [argument: string]: Json }): Json {
    return this.machine.execute({ name, arguments: jsonObject(args) });
  }

  /** A refusal is no matter: the verb does not fit the state of the job. */
  try(name: string, args: { readonly [argument: string]: Json }): void {
    try {
      this.qmp(name, args);
    } catch {
      this.seen.add(`${name} refused`);
    }
  }

  io(node: string, command: string): void {
    this.qmp('human-monitor-command', { 'command-line': `qemu-io ${node} "${command}"` });
  }

  run(one: Step): void {
    if (one.do === 'break') this.io(one.at, `break ${one.event} ${one.tag}`);
    else if ('at' in one) this.io(one.at, `${one.do} ${one.tag}`);
    else if (one.do === 'write' || one.do === 'zero') this.#change(one);
    else if (one.do === 'start') this.start(one.sync);
    else if (one.do === 'units') for (let unit = 0; unit < one.count; unit++) this.machine.step();
    else this.try(one.do, { id: 'j0' });
    this.check();
  }

  start(sync: 'full' | 'incremental'): void {
    if (this.machine.jobs.all.length > 0) return;
    if (this.machine.graph.requests.all.length > 0) this.seen.add('started beside a held write');
    const moment = this.read('disk');
    const bitmap = sync === 'full' ? { bitmap: 'b0', 'bitmap-mode': 'on-success' } : { bitmap: 'b0' };
    const more = { 'filter-node-name': 'filter', 'auto-finalize': false, ...bitmap };
    this.qmp('blockdev-backup', { 'job-id': 'j0', device: 'disk', target: 'copy', sync, ...more });
    this.#moment = moment;
  }

  /** What is clean in the bitmap the target has, when no backup is under way; one that ended well has the disk as it was. */
  check(): void {
    const { machine } = this;
    const wrong = machine.verify();
    if (wrong.length > 0) throw new Error(wrong.join('; '));
    this.#look();
    for (const { event, data } of machine.takeEvents()) {
      const ended = JSON.stringify([event, data]);
      if (!ended.includes('BLOCK_JOB_COMPLETED')) continue;
      this.seen.add('completed');
      if (Buffer.compare(this.read('copy'), this.#moment!) !== 0)
        throw new Error('the target is not the disk as it was');
    }
    if (machine.jobs.all.length > 0) return;
    const [disk, copy] = [this.read('disk'), this.read('copy')];
    const bitmap = machine.graph.find('disk')!.bitmap('b0')!;
    for (let start = 0; start < SIZE; start += CLUSTER) {
      const isDirty = bitmap.nextDirty(start, start + 1) >= 0;
      const [mine, its] = [disk, copy].map((bytes) => bytes.subarray(start, start + CLUSTER));
      if (!isDirty && Buffer.compare(mine!, its!) !== 0)
        throw new Error(`what was written at ${start} is lost`);
    }
  }

  /** Reads past all breakpoints. */
  read(name: 'disk' | 'copy'): Uint8Array {
    const bytes = new Uint8Array(SIZE);
    this.#files.get(name)!.read(0, bytes);
    return bytes;
  }

  end(): void {
    for (const node of BREAKPOINTS)
      for (const name of TAGS) this.run({ do: 'remove_break', at: node, tag: name });
    this.try('job-resume', { id: 'j0' });
    this.machine.settle();
    if (this.machine.graph.requests.all.length > 0) throw new Error('something is held by nothing');
    this.check();
    this.try('job-finalize', { id: 'j0' });
    this.machine.settle();
    this.check();
    if (this.machine.jobs.all.length > 0) throw new Error('the job does not end');
  }

  #change({ do: op, sector, sectors, pattern }: Extract<Step, { readonly sector: number }>): void {
    const { machine } = this;
    const node = machine.graph.find('filter') === undefined ? 'disk' : 'filter';
    const [offset, length] = [sector * 512, Math.min(sectors * 512, SIZE - sector * 512)];
    const done = (result: IoResult): void => {
      if (typeof result === 'string') throw new Error(`${op}: ${result}`);
    };
    const bytes = new Uint8Array(length).fill(pattern);
    machine.submit(node, op === 'write' ? { op, offset, bytes } : { op, offset, length }, done);
  }

  #look(): void {
    for (const { edge, tags } of this.machine.graph.requests.all) {
      if (edge?.parent instanceof BlockJob) this.seen.add(`held job ${this.machine.jobs.all[0]!.status}`);
      else if (tags.length === 0) this.seen.add('a write waits for a copy');
    }
  }
}

t.test('any breakpoints at any time of any backup: nothing is lost (REF-091, REF-095)', (t) => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
      const bench = new Bench(seen);
      for (const one of steps) bench.run(one);
      bench.end();
    }),
    { numRuns: 100, seed: 95 },
  );
  const reached = [
    'completed',
    'held job running',
    'a write waits for a copy',
    'started beside a held write',
  ];
  for (const one of reached) t.ok(seen.has(one), one);
  t.end();
});

t.test('neither a pause nor a cancel moves a job whose request is held, the end of the machine does', (t) => {
  const bench = new Bench(new Set());
  const status = (): string => bench.machine.jobs.all[0]?.status ?? 'gone';
  bench.run({ do: 'write', sector: 0, sectors: 512, pattern: 1 });
  bench.io('source', 'break read_aio A');
  bench.start('full');
  bench.machine.settle();
  bench.run({ do: 'job-pause' });
  bench.machine.settle();
  t.equal(status(), 'running');
  bench.run({ do: 'job-cancel' });
  bench.machine.settle();
  t.equal(status(), 'running');
  bench.machine.shutDown();
  t.equal(status(), 'gone');
  t.same(bench.machine.graph.requests.all, []);
  t.same(bench.machine.verify(), []);
  t.end();
});

t.test(
  'a bitmap and a backup begin together while a write is held: it is in the bitmap, and not in the backup',
  (t) => {
    const bench = new Bench(new Set());
    bench.run({ do: 'write', sector: 0, sectors: 512, pattern: 1 });
    bench.io('source', 'break write_aio A');
    bench.run({ do: 'write', sector: 3, sectors: 1, pattern: 2 });
    bench.run({ do: 'write', sector: 128, sectors: 1, pattern: 3 });
    const moment = bench.read('disk');
    const anchor = jsonObject({ node: 'disk', name: 'anchor', granularity: CLUSTER });
    const backup = jsonObject({ 'job-id': 'j1', device: 'disk', target: 'copy', sync: 'full' });
    bench.qmp('transaction', {
      actions: [
        jsonObject({ type: 'block-dirty-bitmap-add', data: anchor }),
        jsonObject({ type: 'blockdev-backup', data: backup }),
      ],
    });
    bench.machine.settle();
    t.equal(Buffer.compare(bench.read('copy'), moment), 0);
    const bitmap = bench.machine.graph.find('disk')!.bitmap('anchor')!;
    t.equal(bitmap.count, 0);
    bench.io('source', 'resume A');
    t.equal(bitmap.count, CLUSTER);
    t.equal(bitmap.nextDirty(0), 0);
    const increment = { device: 'disk', target: 'copy', sync: 'incremental', bitmap: 'anchor' };
    bench.qmp('blockdev-backup', { 'job-id': 'j2', ...increment });
    bench.machine.settle();
    t.equal(Buffer.compare(bench.read('copy'), bench.read('disk')), 0);
    t.equal(bench.read('copy')[3 * 512], 2);
    t.end();
  },
);

t.test('a stream whose request is held stands where it is, and what is to be written there waits', (t) => {
  const [storage, size] = [new MemoryStorage(), 16 * CLUSTER];
  storage.put('base', new Uint8Array(size).fill(1));
  createImage(storage, 'top', { size, backing: imageRef('base', 'raw'), makeHash: nodeSha256 });
  const machine = new Machine({ storage, makeHash: nodeSha256 });
  const qmp = (name: string, args: { readonly [argument: string]: Json }): Json =>
    machine.execute({ name, arguments: jsonObject(args) });
  const image = jsonObject({ driver: 'file', filename: 'base', 'read-only': true });
  qmp('blockdev-add', { driver: 'blkdebug', 'node-name': 'source', image, 'read-only': true });
  qmp('blockdev-add', { driver: 'raw', 'node-name': 'base', file: 'source', 'read-only': true });
  const file = jsonObject({ driver: 'file', filename: 'top' });
  qmp('blockdev-add', { driver: 'qbm', 'node-name': 'top', file, backing: 'base' });
  qmp('human-monitor-command', { 'command-line': 'qemu-io source "break read_aio A"' });
  qmp('block-stream', { 'job-id': 'j0', device: 'top' });
  machine.settle();
  qmp('job-pause', { id: 'j0' });
  machine.settle();
  t.equal(machine.jobs.all[0]!.status, 'running');
  const done: number[] = [];
  const write = (cluster: number): void => {
    const bytes = new Uint8Array(512).fill(2);
    machine.submit('top', { op: 'write', offset: cluster * CLUSTER, bytes }, () => done.push(cluster));
  };
  write(0);
  write(12);
  t.same(done, [12], 'elsewhere it overtakes');
  qmp('human-monitor-command', { 'command-line': 'qemu-io source "resume A"' });
  t.same(done, [12, 0]);
  machine.settle();
  t.equal(machine.jobs.all[0]!.status, 'paused');
  qmp('job-resume', { id: 'j0' });
  machine.settle();
  t.same(machine.verify(), []);
  qmp('blockdev-del', { 'node-name': 'base' });
  const read = machine.io('top', { op: 'read', offset: 0, length: size }) as Uint8Array;
  const expected = new Uint8Array(size).fill(1);
  for (const cluster of [0, 12]) expected.fill(2, cluster * CLUSTER, cluster * CLUSTER + 512);
  t.equal(Buffer.compare(read, expected), 0);
  t.end();
});
