/** From a finding to a regression: the case, its golden from the model, and what targets are known to do otherwise. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jsonObject } from '../../spec/json/value.js';
import type { Case } from '../case/case.js';
import { parseCase } from '../case/load/load.js';
import type { ResultLine } from '../case/run/results.js';
import { run } from '../case/run/run.js';
import { flowText, memberLines } from '../case/save/yaml.js';
import type { ExpectedDeviation } from '../golden/expected.js';
import { goldenPath, goldenText, writeWhole } from '../golden/golden.js';
import { parseTarget, type TargetChoice } from '../target/parse.js';
import type { Target } from '../target/target.js';
import type { FindingFiles } from './campaign/findings.js';
import type { KnownEntry } from './campaign/known.js';
import { stepLines } from './history-text.js';

export const AREA = 'regressions';

export interface PromoteOptions {
  readonly id: string;
  readonly title: string;
  readonly rules: readonly string[];
  readonly reason: string;
  readonly link: string | undefined;
  readonly targets: readonly TargetChoice[];
  readonly limitMs: number;
  readonly signal: AbortSignal;
  errorId(kind: Target['kind'], desc: string, errorClass: string): string | undefined;
}

/** What is to be written. Nothing has been. */
export interface Promotion {
  readonly found: Case;
  readonly caseText: string;
  readonly goldenText: string;
  /** by target: what it does otherwise */
  readonly deviations: ReadonlyMap<string, ExpectedDeviation>;
  /** by target: how it got on */
  readonly results: readonly ResultLine[];
  readonly known: KnownEntry;
}

/** The finding cannot be made a case: the message says why, and what to do. */
export class PromotionError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'PromotionError';
  }
}

/** The text of the case that a finding becomes. */
export function caseText(files: FindingFiles, { id, title, rules }: PromoteOptions): string {
  const history = files.minimal?.history ?? files.history;
  const head = memberLines(jsonObject({ id, title, rules: [...rules] }));
  const formats = `formats: ${flowText([history.format])}`;
  const devices = history.requires.includes('devices') ? ['requires: [devices]'] : [];
  return [...head, formats, ...devices, 'steps:', ...stepLines(history.steps), ''].join('\n');
}

/** @throws {PromotionError} {@link ProblemError} */
export async function promotion(files: FindingFiles, options: PromoteOptions): Promise<Promotion> {
  const { minimal, found } = files;
  if (minimal === null) throw new PromotionError('it was not made small: go on with the campaign first');
  if (minimal.rerun.shown < minimal.rerun.of) {
    const { shown, of } = minimal.rerun;
    throw new PromotionError(`it shows ${shown} of ${of} times only: a case has to show it every time`);
  }
  const text = caseText(files, options);
  const place = { file: `cases/${AREA}/${options.id}.yaml`, area: AREA, slug: options.id };
  const asCase = parseCase(text, place);
  const goldens = mkdtempSync(join(tmpdir(), 'qbm-promote-'));
  try {
    const golden = await goldenOf(asCase, goldens, options);
    writeWhole(goldenPath(goldens, asCase), golden);
    const results: ResultLine[] = [];
    await runOn(asCase, options.targets, goldens, options, (result) => void results.push(result));
    const deviations = deviationsIn(results, options);
    if (deviations.size === 0) {
      const verdicts = results.map(({ target, verdict }) => `${target}: ${verdict}`).join(', ');
      throw new PromotionError(
        `no target does otherwise when it is played as a case (${verdicts}): add a step that shows it to ` +
          `${files.path}/minimal.yaml`,
      );
    }
    const known: KnownEntry = {
      case: `${AREA}/${options.id}`,
      state: 'known',
      program: /^(?:qemu-|\S+)/.exec(found.program)?.[0] ?? found.program,
      versions: versionsOf(found.version),
      kind: minimal.signature.kind,
      what: minimal.signature.what,
      link: options.link,
      steps: undefined,
    };
    return { found: asCase, caseText: text, goldenText: golden, deviations, results, known };
  } finally {
    rmSync(goldens, { recursive: true, force: true });
  }
}

async function goldenOf(asCase: Case, goldens: string, options: PromoteOptions): Promise<string> {
  let transcript: string | undefined;
  let result: ResultLine | undefined;
  const keep = (_: Case, __: string, text: string): void => {
    transcript = text;
  };
  await runOn(
    asCase,
    [parseTarget('reference')],
    goldens,
    options,
    (line) => {
      result = line;
    },
    keep,
  );
  if (transcript === undefined || result?.fault !== undefined || result?.verdict === 'error')
    throw new PromotionError(`the reference did not finish it: ${result?.reason ?? ''}`);
  const acceptedFrom = `reference ${result?.version ?? ''}`.trim();
  return goldenText({ case: asCase.id, acceptedFrom, reason: options.reason }, transcript);
}

async function runOn(
  asCase: Case,
  targets: readonly TargetChoice[],
  goldens: string,
  { limitMs, signal, errorId }: PromoteOptions,
  onResult: (result: ResultLine) => void,
  onTranscript?: (found: Case, format: string, text: string) => void,
): Promise<void> {
  await run({
    cases: [asCase],
    targets,
    format: 'first',
    jobs: 1,
    limitMs,
    caseLimitMs: Math.max(60_000, 6 * limitMs),
    signal,
    goldens,
    out: null,
    expectedFor: () => [],
    errorId,
    onResult,
    ...(onTranscript === undefined ? {} : { onTranscript }),
  });
}

function deviationsIn(
  results: readonly ResultLine[],
  { reason, link }: PromoteOptions,
): Map<string, ExpectedDeviation> {
  const deviations = new Map<string, ExpectedDeviation>();
  for (const { target, verdict, version, diff, case: id, reason: why } of results) {
    if (verdict === 'unmapped-error') throw withoutId(target, why);
    if (verdict === 'error') throw new PromotionError(`${target}: ${verdict}: ${why ?? ''}`);
    if (diff === undefined) continue;
    const versions = versionsOf(version ?? '');
    deviations.set(target, { case: id, format: undefined, versions, reason, link, hunk: diff });
  }
  return deviations;
}

/** What is written of errors begins with their ids, in goldens and in lists: so there is no way round giving it one. */
function withoutId(target: string, why = ''): PromotionError {
  return new PromotionError(
    `${target}: ${why}\n` +
      'qbm: give it an id, build, and promote again: in the table of its part (spec/PART/errors.ts, of commands ' +
      'spec/qmp/*errors.ts; spec/qmp/error-table.ts joins them), or, if it is an error that is there in the words of another ' +
      'version, in LATER_WORDS of harness/cli/known.ts; an adapter names the id in its answer',
  );
}

/** "7.2" of "7.2.22": what is true of one is taken to be true of its corrections. */
function versionsOf(version: string): string[] {
  return /^\d+\.\d+/.exec(version)?.slice(0, 1) ?? [];
}
