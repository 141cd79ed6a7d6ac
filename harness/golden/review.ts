/**
 * Review of transcripts that a run kept because they differ: what `qbm golden list|diff|accept` is made of.
 * Running never writes a golden; this does, one case at a time and only with a reason.
 */
import { join } from 'node:path';
import type { Case } from '../case/case.js';
import { readText } from '../case/load/text.js';
import { UNMAPPED } from '../case/play/answer.js';
import { transcriptOf } from '../case/play/transcript.js';
import { type ResultLine, transcriptFile } from '../case/run/results.js';
import { unifiedBody } from './compare.js';
import { readGolden } from './golden.js';

/** A kept transcript. */
export interface Kept {
  readonly result: ResultLine;
  readonly text: string;
}

/** The transcripts of one case that a run kept and that no expected deviation explains, one a target and format. */
export function keptTranscripts(out: string, results: readonly ResultLine[], found: Case): Kept[] {
  const kept: Kept[] = [];
  for (const result of results) {
    if (result.case !== found.id || result.kept !== true || result.verdict === 'deviates') continue;
    const read = readText(join(out, transcriptFile(result.target, result.format, found)));
    if ('text' in read) kept.push({ result, text: read.text });
  }
  return kept;
}

/**
 * Why these transcripts cannot become a golden, or null if they can. `results` are those of the whole run: a target
 * that gives the golden as it is would no longer do so.
 */
export function refusal(kept: readonly Kept[], results: readonly ResultLine[], found: Case): string | null {
  const [first, ...others] = kept;
  if (first === undefined) return 'no transcript of it was kept: run it first';
  for (const { result } of kept) {
    if (result.fault !== undefined) return `${result.target} did not finish it: ${result.fault}`;
    if (result.verdict === 'error')
      return `${result.target} did not finish it: ${firstLine(result.reason ?? '')}`;
  }
  if (first.text.includes(`<- error ${UNMAPPED} `)) {
    return `an error has no id: add it to the error table of ${first.result.target}`;
  }
  const own = new Set(kept.map(({ result }) => result.target));
  const holds = results.find(
    (result) => result.case === found.id && GIVES_GOLDEN.has(result.verdict) && !own.has(result.target),
  );
  const different = others.find((other) => other.text !== first.text)?.result ?? holds;
  if (different === undefined) return null;
  return (
    `${first.result.target} and ${different.target} disagree: one golden cannot hold for both; ` +
    'narrow it with --target, and list the other as an expected deviation'
  );
}

function firstLine(text: string): string {
  return text.split('\n')[0]!;
}

const GIVES_GOLDEN: ReadonlySet<string> = new Set(['pass', 'allowed', 'stale']);

/** The difference that accepting `text` would make to the golden, as a unified body. */
export function goldenChange(goldens: string, found: Case, text: string, context = 3): string {
  const golden = readGolden(goldens, found);
  const before = golden === null || 'wrong' in golden ? [] : golden;
  return unifiedBody(before, transcriptOf(text), context);
}
