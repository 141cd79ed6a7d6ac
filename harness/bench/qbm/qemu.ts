/** The same writes to qcow2 of QEMU, over NBD: with a persistent bitmap and without. */
import { jsonObject } from '../../../spec/json/value.js';
import type { TargetChoice } from '../../target/parse.js';
import type { Session } from '../../target/target.js';
import type { BenchContext, Section } from '../bench.js';
import { DISK_BYTES, type Flushing, GRANULARITIES, offsets, WRITE_BYTES } from './load.js';
import { compare, type Load, type Subject, type Wanted } from './rows.js';

const LIMIT_MS = 60_000;
const WRITES = 512;
const FLUSHED_WRITES = 128;
const BITMAP = 'b';

export async function* qemuSections(context: BenchContext): AsyncGenerator<Section, void, undefined> {
  // One QEMU is enough: the two share their block layer.
  const choice = context.qemus.find(({ kind }) => kind === 'qsd') ?? context.qemus[0]!;
  const target = choice.create();
  try {
    const session = await target.begin({
      id: 'bench',
      format: 'overlay',
      limitMs: LIMIT_MS,
      volatileNodes: new Set(),
    });
    const disks = await makeDisks(session);
    const { program } = await target.identify();
    for (const flushing of ['no flush', 'flush after each'] as const) {
      yield await measure(choice, program, disks, flushing, context);
    }
  } finally {
    await target.close();
  }
}

async function measure(
  choice: TargetChoice,
  program: string,
  disks: ReadonlyMap<string, QcowDisk>,
  flushing: Flushing,
  { quick, signal }: BenchContext,
): Promise<Section> {
  const load: Load = {
    flushing,
    count: flushing === 'no flush' ? WRITES : FLUSHED_WRITES,
    passes: 1,
    warmUps: quick ? 1 : 3,
    pairs: quick ? 3 : 25,
  };
  const how = flushing === 'no flush' ? 'no flush of the guest' : 'a flush of the guest after each';
  return {
    title: `qbm: random writes of 4 KiB to qcow2 on ${choice.name}, over NBD, ${how}`,
    sides: ['first', 'second'],
    rows: await compare(disks, WANTED, load, signal),
    measured:
      `one write, as the mean of ${load.count}, as on the reference, but each is a request to ${program} over a unix ` +
      'socket. So only the ratios of this table can be compared with each other; its times are not comparable with ' +
      'those of the reference, which is called in the process itself.',
    why:
      'QEMU keeps a persistent bitmap in memory and stores it when the image is closed: it is a writeback. After a ' +
      'crash it is inconsistent, whatever the guest has flushed.',
  };
}

const WANTED: readonly Wanted[] = [
  { what: 'two equal images without a bitmap', granularity: null, first: 'other', second: 'none' },
  ...GRANULARITIES.map((granularity) => ({
    what: 'persistent to none',
    granularity,
    first: nodeOf(granularity),
    second: 'none',
  })),
];

/** All in one process, each with an export and a connection of its own. */
async function makeDisks(session: Session): Promise<Map<string, QcowDisk>> {
  const names = ['none', 'other', ...GRANULARITIES.map(nodeOf)];
  // All are opened before the first is used: opening another one ends the exports.
  for (const name of names) demand(name, await session.open(name, { size: DISK_BYTES, driver: 'format' }));
  const disks = new Map<string, QcowDisk>();
  for (const name of names) {
    const granularity = GRANULARITIES.find((one) => nodeOf(one) === name) ?? null;
    const disk = new QcowDisk(session, name, granularity !== null);
    if (granularity !== null) {
      const bitmap = jsonObject({ node: name, name: BITMAP, granularity, persistent: true });
      demand(name, await session.qmp('block-dirty-bitmap-add', bitmap));
    }
    await disk.pass('no flush', WRITES);
    await disk.settle();
    disks.set(name, disk);
  }
  return disks;
}

function nodeOf(granularity: number): string {
  return `persistent-${granularity}`;
}

class QcowDisk implements Subject {
  readonly #session: Session;
  readonly #node: string;
  readonly #hasBitmap: boolean;
  readonly #offsets = offsets(WRITES);

  constructor(session: Session, node: string, hasBitmap: boolean) {
    this.#session = session;
    this.#node = node;
    this.#hasBitmap = hasBitmap;
  }

  async clear(): Promise<void> {
    if (!this.#hasBitmap) return;
    const bitmap = jsonObject({ node: this.#node, name: BITMAP });
    demand(this.#node, await this.#session.qmp('block-dirty-bitmap-clear', bitmap));
  }

  async pass(flushing: Flushing, count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const offset = this.#offsets[i]!;
      const write = { op: 'write', offset, length: WRITE_BYTES, pattern: 1 } as const;
      demand(this.#node, await this.#session.io(this.#node, write));
      if (flushing === 'flush after each') await this.settle();
    }
  }

  async settle(): Promise<void> {
    demand(this.#node, await this.#session.io(this.#node, { op: 'flush' }));
  }
}

function demand(node: string, reply: object): void {
  if ('return' in reply || 'ok' in reply) return;
  throw new Error(`QEMU refuses something of ${node}: ${JSON.stringify(reply)}`);
}
