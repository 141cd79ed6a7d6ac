/** Backups over random histories: what a bitmap has, or its target, is the disk; nothing is lost. BACKUP.md, JOB-042 to JOB-046. */
import fc from 'fast-check';
import t from 'tap';
import { nodeSha256 } from '../host/sha256.js';
import { type Json, jsonObject } from '../json/value.js';
import { Machine } from '../qmp/machine.js';
import { MemoryStorage } from '../storage/memory-storage.js';

const CLUSTER = 65536;
const SIZE = 5 * CLUSTER + 512;

interface Write {
  readonly op: 'write' | 'zero';
  readonly offset: number;
  readonly length: number;
  readonly pattern: number;
}

interface Backup {
  readonly sync: 'full' | 'bitmap';
  readonly mode: 'on-success' | 'never' | 'always';
  /** units of work before the writes; then the rest of it, unless it is cancelled before */
  readonly units: number;
  readonly writes: readonly Write[];
  readonly end: 'finalize' | 'cancel' | 'cancel early' | 'fault' | 'quit';
}

const write: fc.Arbitrary<Write> = fc
  .record({
    op: fc.constantFrom('write' as const, 'zero' as const),
    first: fc.nat(SIZE),
    second: fc.oneof(
      fc.nat(SIZE),
      fc.nat(5).map((index) => index * CLUSTER),
    ),
    pattern: fc.integer({ min: 1, max: 255 }),
  })
  .map(({ op, first, second, pattern }) => {
    const [start, end] = [Math.min(first, second), Math.max(first, second)];
    return { op, offset: start, length: Math.min(end - start, 100_000), pattern };
  });

const backup: fc.Arbitrary<Backup> = fc
  .record({
    sync: fc.constantFrom('full' as const, 'bitmap' as const),
    mode: fc.constantFrom('on-success' as const, 'never' as const, 'always' as const),
    units: fc.nat(8),
    writes: fc.array(write, { maxLength: 3 }),
    end: fc.constantFrom('finalize', 'finalize', 'cancel', 'cancel early', 'fault', 'quit'),
  })
  .map((one) => (one.sync === 'full' && one.mode === 'never' ? { ...one, mode: 'always' } : one) as Backup);

/** A disk with a stored bitmap, and a target that is brought up to date by it, again and again. */
class Chain {
  readonly storage = new MemoryStorage();
  readonly granularity: number;
  machine = this.#newMachine();

  constructor(granularity: number) {
    this.granularity = granularity;
    this.storage.put('target', SIZE);
    this.storage.put('disk.qbm', 0);
    this.#execute('blockdev-create', {
      'job-id': 'make',
      options: jsonObject({
        driver: 'qbm',
        file: jsonObject({ driver: 'file', filename: 'disk.qbm' }),
        size: SIZE,
      }),
    });
    this.machine.settle();
    this.#execute('job-dismiss', { id: 'make' });
    this.#open();
    const bitmap = { node: 'disk', name: 'b0', granularity, persistent: true };
    this.#execute('block-dirty-bitmap-add', bitmap);
  }

  request(node: string, { op, offset, length, pattern }: Write): void {
    const bytes = new Uint8Array(length).fill(pattern);
    const result = this.machine.io(node, op === 'write' ? { op, offset, bytes } : { op, offset, length });
    if (typeof result === 'string') throw new Error(`${op} ${offset} ${length}: ${result}`);
  }

  backup({ sync, mode, units, writes, end }: Backup): void {
    const target = end === 'fault' ? 'faulty' : 'target';
    if (end === 'fault') this.#addFaulty(units % 6);
    this.#execute('blockdev-backup', {
      'job-id': 'j0',
      device: 'disk',
      target,
      sync,
      bitmap: 'b0',
      'bitmap-mode': mode,
      'filter-node-name': 'filter',
      'auto-finalize': false,
    });
    for (let unit = 0; unit < units; unit++) this.machine.step();
    // A job that has failed has taken its filter away.
    const hasFilter = this.machine.graph.find('filter') !== undefined;
    for (const one of writes) this.#requestAnyhow(hasFilter ? 'filter' : 'disk', one);
    if (end === 'cancel early') this.#execute('job-cancel', { id: 'j0' });
    this.machine.settle();
    if (end === 'quit') {
      this.#restart();
      return;
    }
    const [job] = this.machine.jobs.all;
    if (job !== undefined) this.#execute(end === 'cancel' ? 'job-cancel' : 'job-finalize', { id: 'j0' });
    this.machine.settle();
    if (end === 'fault') this.#execute('blockdev-del', { 'node-name': 'faulty' });
  }

  /** What the target does not have is dirty; and nothing contradicts itself. */
  check(): void {
    const { machine } = this;
    const wrong = machine.verify();
    if (wrong.length > 0 || machine.jobs.all.length > 0) throw new Error(`after it: ${wrong.join('; ')}`);
    const [disk, target] = [this.read('disk'), this.read('target')];
    const bitmap = machine.graph.find('disk')!.bitmap('b0')!;
    if (machine.graph.find('disk')!.bitmaps.length !== 1) throw new Error('a bitmap is left over');
    for (let at = bitmap.nextClean(0); at >= 0; at = bitmap.nextClean(at)) {
      const dirty = bitmap.nextDirty(at);
      const end = dirty < 0 ? SIZE : dirty;
      if (Buffer.compare(disk.subarray(at, end), target.subarray(at, end)) !== 0)
        throw new Error(`the bitmap lost something in ${at}..${end}`);
      at = end;
    }
  }

  read(node: string): Uint8Array {
    const bytes = this.machine.io(node, { op: 'read', offset: 0, length: SIZE });
    if (typeof bytes === 'string') throw new Error(bytes);
    return bytes;
  }

  /** The write of one cluster fails once, whoever makes it: the job, or a guest whose request copies before. */
  #addFaulty(cluster: number): void {
    const rule = { event: 'none', iotype: 'write', sector: cluster * 128, once: true };
    const zeros = { ...rule, iotype: 'write-zeroes' };
    this.#execute('blockdev-add', {
      driver: 'blkdebug',
      'node-name': 'faulty',
      image: 'target',
      'inject-error': [jsonObject(rule), jsonObject(zeros)],
    });
  }

  #requestAnyhow(node: string, one: Write): void {
    try {
      this.request(node, one);
    } catch (error) {
      if (!/: EIO$/.test((error as Error).message)) throw error;
    }
  }

  #restart(): void {
    this.machine.shutDown();
    this.machine = this.#newMachine();
    this.#open();
  }

  #newMachine(): Machine {
    return new Machine({ storage: this.storage, makeHash: nodeSha256 });
  }

  #open(): void {
    this.#execute('blockdev-add', { driver: 'file', 'node-name': 'target', filename: 'target' });
    const file = jsonObject({ driver: 'file', filename: 'disk.qbm' });
    this.#execute('blockdev-add', { driver: 'qbm', 'node-name': 'disk', file });
  }

  #execute(name: string, args: { readonly [argument: string]: Json }): void {
    this.machine.execute({ name, arguments: jsonObject(args) });
  }
}

t.test('every chain restores, however its backups ended (JOB-042, JOB-045, JOB-046)', (t) => {
  const ended = new Map<string, number>();
  const round = fc.record({ before: fc.array(write, { maxLength: 3 }), backup });
  const granularity = fc.constantFrom(512, 65536, 131072);
  fc.assert(
    fc.property(granularity, fc.array(round, { minLength: 1, maxLength: 5 }), (size, rounds) => {
      const chain = new Chain(size);
      for (const { before, backup: one } of rounds) {
        for (const each of before) chain.request('disk', each);
        chain.backup(one);
        ended.set(one.end, (ended.get(one.end) ?? 0) + 1);
        chain.check();
      }
      chain.backup({ sync: 'bitmap', mode: 'on-success', units: 0, writes: [], end: 'finalize' });
      if (Buffer.compare(chain.read('disk'), chain.read('target')) !== 0)
        throw new Error('it is not restored');
    }),
    { numRuns: 150, seed: 257 },
  );
  t.ok(ended.size === 5 && [...ended.values()].every((count) => count > 20), JSON.stringify([...ended]));
  t.end();
});
