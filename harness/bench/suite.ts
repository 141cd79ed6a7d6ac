/** All cases on the reference in this process against the same cases on QEMU, through the runner. */
import type { Case } from '../case/case.js';
import { loadSuite } from '../case/load/load.js';
import { ProblemError } from '../case/load/problem.js';
import { Interrupted } from '../case/run/guard.js';
import type { ResultLine } from '../case/run/results.js';
import { run } from '../case/run/run.js';
import { errorId } from '../cli/known.js';
import { limits } from '../cli/options.js';
import { parseTarget, type TargetChoice } from '../target/parse.js';
import type { Identity, Target } from '../target/target.js';
import { alternate, type Measure } from './alternate.js';
import {
  type Bar,
  type Bench,
  type BenchContext,
  type Comparison,
  comparison,
  type Section,
} from './bench.js';
import { type Pair, spread } from './stats.js';

const AT_LEAST: Bar = { at: 'least', value: 10 };
const FORMAT = 'raw';
/** Faults that cost the target its process: it is started anew for the next case. */
const LETHAL = /^(crash|hang|garbage):/;

export const suiteBench: Bench = {
  name: 'suite',
  summary: 'all cases on QEMU against the same cases on the reference in this process',
  async *run(context) {
    const { cases, problems } = loadSuite(context.places.cases);
    if (problems.length > 0) throw new ProblemError(problems);
    for (const choice of context.qemus) yield await measure(choice, cases, context);
  },
};

async function measure(choice: TargetChoice, all: readonly Case[], context: BenchContext): Promise<Section> {
  const reference = new Timed(parseTarget('reference'));
  const qemu = new Timed(choice);
  const both = [await reference.identify(), await qemu.identify()];
  const shared = all.filter((found) => both.every((identity) => canRun(found, identity)));
  if (shared.length === 0)
    throw new Error(`no case in ${context.places.cases} runs on both reference and ${choice.name}`);
  qemu.starts.length = 0;

  // Once all of them, with the code as cold as it is in a real run.
  const first = {
    reference: await runAll(reference, shared, context),
    qemu: await runAll(qemu, shared, context),
  };
  const lethal = new Set([...first.reference.lethal, ...first.qemu.lethal]);
  const rest = shared.filter(({ id }) => !lethal.has(id));
  const rows = [row('all cases, code cold', [{ first: first.qemu.ms, second: first.reference.ms }])];
  if (rest.length > 0) rows.push(...(await repeated(rest, shared.length, reference, qemu, context)));
  return section(choice.name, all.length, shared.length, lethal.size, rows);
}

async function repeated(
  cases: readonly Case[],
  of: number,
  reference: Timed,
  qemu: Timed,
  context: BenchContext,
): Promise<Comparison[]> {
  const starts: number[] = [];
  const onQemu: Measure = async () => {
    qemu.starts.length = 0;
    const { ms } = await runAll(qemu, cases, context);
    starts.push(qemu.starts.reduce((a, b) => a + b, 0));
    return ms;
  };
  const onReference: Measure = async () => (await runAll(reference, cases, context)).ms;
  const times = { warmUps: 0, pairs: context.quick ? 2 : 7 };
  const pairs = await alternate(onQemu, onReference, times, context.signal);
  const running = pairs.map(({ first, second }, at) => ({ first: first - starts[at]!, second }));
  const start: Comparison = {
    what: '  QEMU starting',
    unit: 'ms',
    first: spread(starts),
    second: null,
    ratio: null,
    repeated: starts.length,
  };
  const name = cases.length === of ? 'all cases' : `the ${cases.length} that kill none`;
  return [row(`${name}, again`, pairs), start, comparison('  QEMU running', running)];
}

function row(what: string, pairs: readonly Pair[]): Comparison {
  return comparison(what, pairs, { bar: AT_LEAST });
}

function section(
  name: string,
  all: number,
  shared: number,
  lethal: number,
  rows: readonly Comparison[],
): Section {
  const which = all === shared ? `all ${all} cases` : `the ${shared} of ${all} cases that both can run`;
  const killed =
    lethal === 0
      ? ''
      : ` The first row has ${lethal} that ${lethal === 1 ? 'kills' : 'kill'} ${name}, which is then started anew; the other rows have not.`;
  return {
    title: `suite: the cases on ${name} and on the reference in this process`,
    sides: [name, 'reference'],
    rows,
    measured:
      `a run of ${which}, one after the other, compared with the goldens. Starting and ending QEMU is a part of it; ` +
      `starting Node, loading the code and reading the case files is not.${killed}`,
    why:
      'a step on the reference is a call; on QEMU it is a message there and back, and where a case does guest I/O or ' +
      'looks at bitmaps, an NBD export is made, asked and removed, which takes several messages.',
  };
}

interface Ran {
  readonly ms: number;
  /** ids of the cases that cost the target its process */
  readonly lethal: readonly string[];
}

/** Runs the cases on a target that is made for it, and closed after it. @throws Interrupted */
async function runAll(choice: Timed, cases: readonly Case[], { signal, places }: BenchContext): Promise<Ran> {
  const lethal: string[] = [];
  const started = performance.now();
  const { interrupted } = await run({
    cases,
    targets: [choice],
    format: FORMAT,
    jobs: 1,
    ...limits({ limit: 30, jobs: 1 }),
    signal,
    goldens: places.goldens,
    out: null,
    expectedFor: () => [],
    errorId,
    onResult: (result: ResultLine) => {
      if (LETHAL.test(result.fault ?? '')) lethal.push(result.case);
    },
  });
  const ms = performance.now() - started;
  if (interrupted) throw new Interrupted();
  return { ms, lethal };
}

function canRun({ formats, requires }: Case, identity: Identity): boolean {
  return formats.includes(FORMAT) && requires.every((name) => identity.capabilities.has(name));
}

/** A choice of a target that notes how long each start took. */
class Timed implements TargetChoice {
  readonly name: string;
  readonly kind: Target['kind'];
  /** milliseconds */
  readonly starts: number[] = [];
  readonly #choice: TargetChoice;

  constructor(choice: TargetChoice) {
    this.#choice = choice;
    this.name = choice.name;
    this.kind = choice.kind;
  }

  readonly create = (): Target => {
    const target = this.#choice.create();
    return {
      name: target.name,
      kind: target.kind,
      identify: async () => {
        const started = performance.now();
        const identity = await target.identify();
        this.starts.push(performance.now() - started);
        return identity;
      },
      begin: (context) => target.begin(context),
      close: () => target.close(),
    };
  };

  /** What a target says of itself. It is started, and closed again. @throws TargetFault */
  async identify(): Promise<Identity> {
    const target = this.create();
    try {
      return await target.identify();
    } finally {
      await target.close();
    }
  }
}
