/** A case again on a version that may be another one: whether it deviates as is listed, otherwise, or no more. */
import { realpathSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Case } from '../../case/case.js';
import { Interrupted } from '../../case/run/guard.js';
import type { ResultLine } from '../../case/run/results.js';
import { type ExpectedDeviation, readExpected } from '../../golden/expected.js';
import { readGolden } from '../../golden/golden.js';
import { type Standing, standingOf } from '../../golden/listed.js';
import type { TargetChoice } from '../../target/parse.js';
import { type Environment, places } from '../environment.js';
import { runPlain } from '../run-plain.js';
import { expectedFile } from '../suite.js';

/** What is said of something that was played again. */
export interface Verdict {
  readonly text: string;
  /** false: exit code 1 */
  readonly isAsBefore: boolean;
  /** lines below it, or empty */
  readonly detail: string;
}

/** A case with a golden. */
export interface Golden {
  readonly found: Case;
  readonly goldens: string;
  /** one of the project's: of these the project's lists speak */
  readonly isOwn: boolean;
}

/** The case with its golden, which is beside the cases; null if it has none. */
export function goldenOf(found: Case): Golden | null {
  const cases = realpathSync(dirname(dirname(resolve(found.file))));
  const { goldens } = places({ cases });
  if (readGolden(goldens, found) === null) return null;
  return { found, goldens, isOwn: cases === realpathSync(places({}).cases) };
}

/** What is listed for cases on a target; as for `qbm run`. @throws {ProblemError} */
export function listFor(choice: TargetChoice, named: string | undefined): ListFor {
  const ownFile = expectedFile(choice);
  const given = named === undefined ? undefined : readExpected(named, true);
  const own = given === undefined && ownFile !== undefined ? readExpected(ownFile) : [];
  return ({ isOwn }) => given ?? (isOwn ? own : []);
}

export type ListFor = (golden: Golden) => readonly ExpectedDeviation[];

/** The worst first: of several times that one counts. */
const STANDINGS: readonly Standing[] = ['new', 'still', 'fixed', 'same'];

interface Once {
  readonly result: ResultLine;
  readonly standing: Standing;
  readonly entry: ExpectedDeviation | undefined;
}

/** Plays it on the first format that it shares with the target. A text: why the target cannot be had. @throws {Interrupted} */
export async function verified(
  environment: Environment,
  choice: TargetChoice,
  golden: Golden,
  how: {
    readonly entries: readonly ExpectedDeviation[];
    readonly times: number;
    readonly limitMs: number;
  },
): Promise<Verdict | string> {
  const all: Once[] = [];
  for (let i = 0; i < how.times; i++) {
    const result = await once(environment, choice, golden, how.limitMs);
    const { verdict, reason = '', format, version = '', diff: hunk } = result;
    if (verdict === 'error') return reason;
    if (verdict === 'skip') return { text: 'skip', isAsBefore: true, detail: indented(reason) };
    const seen = { case: result.case, format, version, hunk };
    all.push({ result, ...standingOf(how.entries, seen) });
  }
  const text = STANDINGS.find((one) => all.some(({ standing }) => standing === one))!;
  const such = all.filter(({ standing }) => standing === text);
  const odds = such.length === all.length ? '' : ` (${such.length} of ${all.length} times)`;
  return { text, isAsBefore: text !== 'new', detail: detailOf(such[0]!, odds) };
}

async function once(
  { signal, errorId }: Environment,
  choice: TargetChoice,
  { found, goldens }: Golden,
  limitMs: number,
): Promise<ResultLine> {
  const how = { format: 'first', goldens, limit: limitMs / 1000, signal, errorId } as const;
  const [result] = await runPlain(choice, [found], how);
  if (result === undefined) throw new Interrupted();
  return result;
}

function detailOf({ result, standing, entry }: Once, odds: string): string {
  const listed = entry === undefined ? '' : `listed for ${entry.versions.join(', ') || 'any version'}`;
  if (standing === 'new') {
    const { fault, diff = '' } = result;
    const how = fault?.replace(/\s+/g, ' ') ?? 'it differs from the golden';
    const why = entry === undefined ? 'nothing is listed for this case' : `otherwise than ${listed}`;
    return [indented(`${how}; ${why}${odds}`), ...diff.split('\n').slice(0, 40).map(indented)].join('\n');
  }
  if (standing === 'same') return '';
  return standing === 'fixed' || odds !== '' ? indented(`${listed}${odds}`) : '';
}

/** A line below what it is about. More of a long one is in the transcript. */
export function indented(line: string): string {
  const text = line.length <= 300 ? line : `${line.slice(0, 200)} … ${line.slice(-90)}`;
  return `             ${text}`;
}
