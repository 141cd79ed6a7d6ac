/** Steps a second of the property `bitmap` in this process, with no target: made up, played again, and written down. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Interrupted } from '../../case/run/guard.js';
import { ModelRun } from '../../fuzz/draw/model-run.js';
import type { History, Prober } from '../../fuzz/history.js';
import { bitmap } from '../../fuzz/properties/bitmap.js';
import { WORLD } from '../../fuzz/world.js';
import { parseTarget } from '../../target/parse.js';
import type { Identity } from '../../target/target.js';
import type { BenchContext, Comparison, Section } from '../bench.js';
import { spread } from '../stats.js';

const LIMIT_MS = 30_000;
const BAR = { of: 'first', at: 'least', value: 50_000 } as const;

/** Steps of the model in a second of the processor, for each thing that is done with a history. */
interface Rates {
  readonly played: number;
  readonly drawn: number;
  readonly probed: number;
}

/** The first rounds only warm the compiler up. */
export async function measureSteps({ quick, signal }: BenchContext): Promise<Section> {
  const times = quick ? { warmUps: 1, rounds: 3, histories: 100 } : { warmUps: 2, rounds: 6, histories: 300 };
  const reference = parseTarget('reference');
  const target = reference.create();
  const prober = WORLD.prober(reference, { limitMs: LIMIT_MS, signal });
  const rates: Rates[] = [];
  try {
    const identity = await target.identify();
    for (let round = 0; round < times.warmUps + times.rounds; round++) {
      await nextTurn();
      if (signal.aborted) throw new Interrupted();
      const found = await ratesOf(prober, identity, 1 + round * times.histories, times.histories);
      if (round >= times.warmUps) rates.push(found);
    }
  } finally {
    await prober.close();
    await target.close();
  }
  return section(rates, times.histories);
}

function section(rates: readonly Rates[], histories: number): Section {
  const row = (what: string, of: keyof Rates, more: Partial<Comparison> = {}): Comparison => ({
    what,
    unit: 'count',
    first: spread(rates.map((one) => one[of])),
    second: null,
    ratio: null,
    repeated: rates.length,
    ...more,
  });
  return {
    title: 'fuzz: steps of `bitmap` that the model plays, in a second of the processor',
    sides: ['steps/s', '-'],
    rows: [
      row('the model alone plays histories', 'played', { bar: BAR }),
      row('making them up: choices, the model, what is reached', 'drawn'),
      row('the prober: the model as expected and as target', 'probed'),
    ],
    measured:
      `${histories} histories of \`bitmap\` at a time, of the raw format and of overlays. The time is that of the ` +
      'processor, so that what else the machine does counts less. The prober plays each step twice, and counts both.',
    why:
      'a step marks bitmaps and moves its bytes, 140 KiB for a write; opening an image, which every overlay is, ' +
      'writes and reads its descriptor. To make a history up takes the choices, the names there are, and the ' +
      'states that are reached on top. The prober writes down requests and replies as the lines of a transcript, and ' +
      'reads the content of bitmaps.',
  };
}

async function ratesOf(prober: Prober, target: Identity, seed: number, count: number): Promise<Rates> {
  const histories: History[] = [];
  const drawn = used(() => {
    for (let one = seed; one < seed + count; one++) {
      const history = bitmap.draw(one, target);
      if (history !== null) histories.push(history);
    }
  });
  const played = used(() => {
    for (const { format, steps } of histories) {
      const run = new ModelRun(format);
      for (const { action } of steps) run.play(action);
    }
  });
  const started = process.cpuUsage();
  for (const history of histories) {
    const { kind } = await prober.probe(history);
    if (kind !== 'same')
      throw new Error('the reference is not as itself: qbm fuzz bitmap --target reference');
  }
  const probed = seconds(process.cpuUsage(started));
  const steps = histories.reduce((sum, one) => sum + one.steps.length, 0);
  return { played: steps / played, drawn: steps / drawn, probed: (2 * steps) / probed };
}

/** Seconds of the processor. */
function used(work: () => void): number {
  const started = process.cpuUsage();
  work();
  return seconds(process.cpuUsage(started));
}

function seconds({ user, system }: NodeJS.CpuUsage): number {
  return (user + system) / 1e6;
}
