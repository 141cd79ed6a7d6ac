/**
 * Random histories of breakpoints beside a real qemu-system: after each step the same was printed, and the bitmaps of all nodes are the
 * same. More of them: QBM_HELD_BESIDE=2000 node dist/spec/block/held/beside.test.js
 */
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { nodeSha256 } from '../../host/sha256.js';
import { type Json, jsonObject } from '../../json/value.js';
import { Machine } from '../../qmp/machine.js';
import { MemoryStorage } from '../../storage/memory-storage.js';
import { Qemu, qemuVersion } from './qemu-for-tests.js';

const RUNS = Number(process.env.QBM_HELD_BESIDE ?? 25);
const SEED = Number(process.env.QBM_HELD_SEED ?? 91);
/** milliseconds for all of them; far more than they take */
const LIMIT = 30_000 + RUNS * 2000;
const SIZE = 8192;
const SECTORS = SIZE / 512;
const NODES = ['top', 'dbg', 'disk'] as const;
const TAGS = ['A', 'B', 'C'] as const;

const version = qemuVersion();
const skip = version === undefined && !process.env.CI ? 'qemu-system-x86_64 is not in PATH' : false;

/** A line of qemu-io, or a command on the bitmaps of a node. */
type Step =
  | { readonly io: string; readonly resumes?: string }
  | { readonly bitmap: string; readonly node: string };

const tag = fc.constantFrom(...TAGS);
const range = fc
  .record({ first: fc.nat(SECTORS - 1), sectors: fc.integer({ min: 1, max: 6 }) })
  .map(({ first, sectors }) => `${first * 512} ${Math.min(sectors, SECTORS - first) * 512}`);
// What `pwritev_done` holds has been written in QEMU: REF-091.
const event = fc.constantFrom('pwritev', 'pwritev_zero', 'read_aio', 'write_aio', 'flush_to_disk');
const step: fc.Arbitrary<Step> = fc.oneof(
  ...[1, 2].map(() => fc.tuple(event, tag).map(([event, tag]) => ({ io: `break ${event} ${tag}` }))),
  ...[1, 2].map(() => tag.map((tag) => ({ io: `resume ${tag}`, resumes: tag }))),
  tag.map((tag) => ({ io: `remove_break ${tag}`, resumes: tag })),
  // Few bytes: what QEMU prints is lost where nobody takes it at once.
  fc.nat(SECTORS - 1).map((sector) => ({ io: `aio_read -v ${sector * 512} 512` })),
  ...[1, 2].map(() =>
    fc
      .tuple(fc.integer({ min: 1, max: 255 }), range)
      .map(([byte, range]) => ({ io: `aio_write -P ${byte} ${range}` })),
  ),
  range.map((range) => ({ io: `aio_write -z ${range}` })),
  fc
    .tuple(fc.constantFrom('clear', 'enable', 'disable'), fc.constantFrom(...NODES))
    .map(([bitmap, node]) => ({ bitmap, node })),
);

interface Side {
  qmp(name: string, args: { readonly [argument: string]: Json }): unknown;
}

/** blkdebug between a format and a file, with a device and bitmaps on it. */
async function build(side: Side, file: string): Promise<void> {
  await side.qmp('blockdev-add', { driver: 'file', 'node-name': 'disk', filename: file });
  await side.qmp('blockdev-add', { driver: 'blkdebug', 'node-name': 'dbg', image: 'disk' });
  await side.qmp('blockdev-add', { driver: 'raw', 'node-name': 'top', file: 'dbg' });
  for (const node of NODES) await side.qmp('block-dirty-bitmap-add', { node, name: 'b0', granularity: 512 });
  await side.qmp('device_add', { driver: 'virtio-scsi-pci', id: 's0' });
  await side.qmp('device_add', { driver: 'scsi-hd', id: 'h0', drive: 'top' });
}

/** The specification. */
class Model implements Side {
  readonly machine: Machine;
  #printed = '';

  constructor() {
    const storage = new MemoryStorage();
    storage.put('disk', SIZE);
    const print = (_stream: string, text: string): void => {
      this.#printed += text;
    };
    this.machine = new Machine({ storage, makeHash: nodeSha256, print });
  }

  qmp(name: string, args: { readonly [argument: string]: Json }): Json {
    return this.machine.execute({ name, arguments: jsonObject(args) });
  }

  printed(): string[] {
    const lines = this.#printed.split('\n').slice(0, -1);
    this.#printed = '';
    return lines;
  }

  /** Whether two requests that this tag holds are for the same place: which of them is made last is open in QEMU. */
  isRace(tag: string): boolean {
    const held = this.machine.graph.requests.all.filter(({ tags }) => tags.includes(tag));
    return held.some(({ passing: one }, index) =>
      held.slice(index + 1).some(({ passing: other }) => {
        if (one.op === 'read' && other.op === 'read') return false;
        return one.offset < other.offset + other.length && other.offset < one.offset + one.length;
      }),
    );
  }
}

/** Both of them. */
class Beside {
  readonly #qemu: Qemu;
  readonly #model = new Model();
  most = 0;

  constructor(qemu: Qemu) {
    this.#qemu = qemu;
  }

  async begin(file: string): Promise<void> {
    await this.#qemu.ask('qmp_capabilities');
    await build({ qmp: (name, args) => this.#qemu.ask(name, args) }, file);
    await build(this.#model, 'disk');
  }

  async run(step: Step): Promise<void> {
    if ('io' in step) {
      if (step.resumes !== undefined && this.#model.isRace(step.resumes)) return;
      await this.#both('human-monitor-command', { 'command-line': `qemu-io -d h0 "${step.io}"` });
    } else await this.#both(`block-dirty-bitmap-${step.bitmap}`, { node: step.node, name: 'b0' });
    const expected = this.#model.printed();
    const printed = await this.#qemu.printed(expected.length);
    this.#compare('io' in step ? step.io : step.bitmap, essence(printed), essence(expected));
    for (const node of NODES) await this.#compareBitmap(node);
    this.most = Math.max(this.most, this.#model.machine.graph.requests.all.length);
  }

  /** Nothing is held any more, and what was written is read. */
  async end(): Promise<void> {
    while (this.#model.machine.graph.requests.all.length > 0)
      for (const tag of TAGS) await this.run({ io: `resume ${tag}` });
    for (const tag of TAGS) await this.run({ io: `remove_break ${tag}` });
    for (let at = 0; at < SIZE; at += 512) await this.run({ io: `read -v ${at} 512` });
    for (const node of NODES) await this.run({ bitmap: 'enable', node });
  }

  async #both(name: string, args: { readonly [argument: string]: Json }): Promise<void> {
    await this.#qemu.ask(name, args);
    this.#model.qmp(name, args);
  }

  async #compareBitmap(node: string): Promise<void> {
    const name = 'x-debug-block-dirty-bitmap-sha256';
    const shown = await this.#qemu.ask(name, { node, name: 'b0' });
    this.#compare(`the bitmap of ${node}`, shown, this.#model.qmp(name, { node, name: 'b0' }));
  }

  #compare(what: string, shown: unknown, expected: unknown): void {
    const [one, other] = [JSON.stringify(shown), JSON.stringify(expected)];
    if (one !== other) throw new Error(`${what}: QEMU ${one}, expected ${other}`);
  }
}

/** Without how long it took; requests that one command lets go end in any order. */
function essence(lines: readonly string[]): string[] {
  return lines.map((line) => line.replace(/ ops; .*/, ' ops')).sort();
}

t.setTimeout(LIMIT);
t.test(
  'any breakpoints, any order: printed and marked as by QEMU (REF-089 to REF-093)',
  { skip, timeout: LIMIT },
  async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'qbm-held-'));
    t.teardown(() => rmSync(directory, { recursive: true }));
    let [most, run] = [0, 0];
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), async (steps) => {
        // Each has its own: who was killed may hold the lock for a moment.
        const file = join(directory, `disk${++run}`);
        writeFileSync(file, '');
        truncateSync(file, SIZE);
        using qemu = new Qemu();
        const beside = new Beside(qemu);
        await beside.begin(file);
        for (const one of steps) await beside.run(one);
        await beside.end();
        most = Math.max(most, beside.most);
      }),
      { numRuns: RUNS, seed: SEED, endOnFailure: true },
    );
    t.ok(most > 3, `up to ${most} requests were held at once`);
    t.end();
  },
);
