/** A campaign on two processes of a target, as one worker has them, beside bare loops that send them the same commands. */
import { openAction } from '../../fuzz/draw/actions.js';
import { diskSize } from '../../fuzz/draw/edges.js';
import type { History, Prober } from '../../fuzz/history.js';
import { UNSTEERED } from '../../fuzz/known/trigger.js';
import { BITMAP_MOVES } from '../../fuzz/moves/bitmaps.js';
import { bitmap } from '../../fuzz/properties/bitmap.js';
import { propertyOf } from '../../fuzz/properties/plan.js';
import type { Property } from '../../fuzz/property.js';
import { MERGE_GOALS } from '../../fuzz/reach/merge-goals.js';
import { WORLD } from '../../fuzz/world.js';
import type { TargetChoice } from '../../target/parse.js';
import type { Identity } from '../../target/target.js';
import { inTurn, pairsOf, timed } from '../alternate.js';
import { BareLoop } from '../bare.js';
import { type BenchContext, type Comparison, comparison, type Section } from '../bench.js';
import { type Pair, spread } from '../stats.js';
import { Recorder } from './recorder.js';

const LIMIT_MS = 30_000;
const LANES = 2;

/** The histories of one process, by the seeds they are made up from, and the lines that its monitor gets of them. */
interface Lane {
  readonly seeds: readonly number[];
  readonly lines: readonly string[];
}

export async function measureCampaign(choice: TargetChoice, context: BenchContext): Promise<Section> {
  const { quick, signal } = context;
  const count = quick ? 10 : 40;
  // A campaign goes on for an hour, so the compiler has long done with it.
  const times = quick ? { warmUps: 2, pairs: 5 } : { warmUps: 20, pairs: 15 };
  const wholeTimes = quick ? { warmUps: 0, pairs: 2 } : { warmUps: 1, pairs: 5 };
  const target = choice.create();
  const identity = await target.identify().finally(() => target.close());
  const lanes: Lane[] = [];
  for (let lane = 0; lane < LANES; lane++) lanes.push(await record(lane, count, identity, signal));
  const commands = lanes.reduce((sum, { lines }) => sum + lines.length, 0);
  const probers = lanes.map(() => WORLD.prober(choice, { limitMs: LIMIT_MS, signal }));
  const bares: BareLoop[] = [];
  try {
    for (const _ of lanes) bares.push(await BareLoop.start(choice, { sendsAhead: true }));
    const campaign = (property: Property) => () =>
      together(lanes, ({ seeds }, index) => playAll(probers[index]!, seeds, identity, property));
    const bare = () => together(lanes, ({ lines }, index) => bares[index]!.run(lines, 1));
    const spent: { readonly campaign: number[]; readonly bare: number[] } = { campaign: [], bare: [] };
    const works = [noting(spent.campaign, campaign(COMMANDS)), noting(spent.bare, bare)];
    const [ours, theirs] = await inTurn(works.map(timed), times, signal);
    const [whole] = await inTurn([timed(campaign(bitmap))], wholeTimes, signal);
    const processor = pairsOf(spent.campaign.slice(times.warmUps), spent.bare.slice(times.warmUps));
    return section({ dialogue: pairsOf(ours!, theirs!), processor, whole: whole! }, commands, count * LANES);
  } finally {
    for (const prober of probers) await prober.close();
    for (const loop of bares) await loop.close();
  }
}

/** The work, and what this process takes of the processor for it, in milliseconds. */
function noting(into: number[], work: () => Promise<void>): () => Promise<void> {
  return async () => {
    const before = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(before);
    into.push((user + system) / 1000);
  };
}

/** Milliseconds for all that a side does in a turn; `processor`: of the process that measures, without its children. */
interface Measured {
  readonly dialogue: readonly Pair[];
  readonly processor: readonly Pair[];
  readonly whole: readonly number[];
}

function section({ dialogue, processor, whole }: Measured, commands: number, histories: number): Section {
  const perSecond = (of: number, ms: number): number => (1000 * of) / ms;
  const rates = dialogue.map(({ first, second }) => ({
    first: perSecond(commands, first),
    second: perSecond(commands, second),
  }));
  const each = processor.map(({ first, second }) => ({ first: first / commands, second: second / commands }));
  const all: Comparison = {
    what: 'histories a second, guests and all',
    unit: 'count',
    first: spread(whole.map((ms) => perSecond(histories, ms))),
    second: null,
    ratio: null,
    repeated: whole.length,
  };
  const bar = { at: 'least', value: 0.8 } as const;
  return {
    title:
      'fuzz: a campaign of one worker, and bare loops, each on two resident processes of qemu-storage-daemon',
    sides: ['campaign', 'bare'],
    rows: [
      comparison('commands a second', rates, { unit: 'count', bar }),
      comparison('the processor for a command, without that of QEMU', each),
      all,
    ],
    measured:
      `${histories} histories made up, played on the model and on the target and compared, half of them on each ` +
      `process. The first two rows: the commands of \`bitmap\` without what goes over NBD, ${commands} with those that ` +
      'clean up after a history; the bare loops send the same lines, one by one. The last row: `bitmap` as it is.',
    why:
      'there is one thread for two processes. It makes up a history, plays it on the model, reads replies as JSON and ' +
      'compares; a bare loop does none of it. Commands on bitmaps are sent ahead of the replies, so that QEMU need not ' +
      'wait for that; but where there are but two processors, what the thread takes is taken from QEMU. ' +
      'In whole histories most of the time goes to NBD: bitmaps are read by an export and a connection of their own.',
  };
}

async function together(
  lanes: readonly Lane[],
  work: (lane: Lane, index: number) => Promise<void>,
): Promise<void> {
  await Promise.all(lanes.map(work));
}

async function playAll(
  prober: Prober,
  seeds: readonly number[],
  identity: Identity,
  property: Property,
): Promise<void> {
  let ready: History | null = null;
  for (const [index, seed] of seeds.entries()) {
    const history: History = ready ?? property.draw(seed, identity)!;
    const next = seeds[index + 1];
    ready = null;
    const outcome = await prober.probe(history, () => {
      if (next === undefined) return;
      ready = property.draw(next, identity)!;
      prober.prepare?.(ready);
    });
    if (outcome.kind === 'same') continue;
    throw new Error(`the history of seed ${seed} ended with ${JSON.stringify(outcome)}`);
  }
}

/** As `bitmap`, but with nothing that goes over NBD, and without images: a bare loop has neither. */
const COMMANDS = propertyOf({
  name: 'bitmap',
  summary: 'commands alone',
  rules: bitmap.rules,
  goals: MERGE_GOALS,
  formats: ['raw'],
  length: [10, 60],
  moves: [
    ...BITMAP_MOVES,
    {
      name: 'query',
      weight: 2,
      make: (sketch) => void sketch.qmp('query-named-block-nodes', { flat: true }),
    },
  ],
  begin(sketch) {
    sketch.shun = (_, { verb }) => verb === 'observe';
    for (let count = sketch.draw.int(1, 3); count > 0; count--) {
      sketch.play(openAction(sketch.fresh('disk'), diskSize(sketch.draw), { driver: 'null-co' }));
    }
  },
  end: () => {},
});

/** Chooses the histories of a lane, those that end as they should, and records what is sent for them. */
async function record(lane: number, count: number, identity: Identity, signal: AbortSignal): Promise<Lane> {
  const recorder = new Recorder();
  const prober = WORLD.prober(recorder.choice, { limitMs: LIMIT_MS, signal });
  const seeds: number[] = [];
  const lines: string[] = [];
  try {
    for (let seed = lane; seeds.length < count; seed += LANES) {
      // Those may do what the target is known to end by.
      if (seed % UNSTEERED === 0) continue;
      const whole = bitmap.draw(seed, identity);
      if (whole === null || (await prober.probe(whole)).kind !== 'same') continue;
      recorder.take();
      const { kind } = await prober.probe(COMMANDS.draw(seed, identity)!);
      const sent = recorder.take();
      if (kind !== 'same') continue;
      seeds.push(seed);
      lines.push(...sent);
    }
  } finally {
    await prober.close();
  }
  return { seeds, lines };
}
