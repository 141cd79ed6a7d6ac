/** From a dialogue and its golden to a verdict. */
import { compare } from '../../golden/compare.js';
import { applicable, type ExpectedDeviation, NO_REASON } from '../../golden/expected.js';
import { normalise } from '../../golden/normalise.js';
import type { Target, TargetFault } from '../../target/target.js';
import type { Case } from '../case.js';
import { UNMAPPED } from '../play/answer.js';
import type { Played } from '../play/play.js';
import type { Transcript, TranscriptLine } from '../play/transcript.js';
import type { Verdict } from './results.js';

/** What a case came to. */
export interface Judgement {
  readonly verdict: Verdict;
  readonly reason?: string;
  readonly link?: string;
  readonly diff?: string;
  /** index of the step that differs or failed */
  readonly step?: number;
}

/** What there is to judge by. */
export interface Evidence {
  readonly found: Case;
  readonly kind: Target['kind'];
  readonly version: string;
  readonly format: string;
  readonly played: Played;
  /** why the dialogue ended early */
  readonly fault: TargetFault | undefined;
  readonly golden: Transcript | null | { readonly wrong: string };
  readonly expected: readonly ExpectedDeviation[];
}

/** The lines of a dialogue; one that ended early ends with `! crash`, `! hang` or `! garbage`. */
export function dialogueLines(played: Played, fault: TargetFault | undefined): readonly TranscriptLine[] {
  return fault === undefined
    ? played.lines
    : [...played.lines, { text: `! ${fault.kind}`, step: played.step }];
}

/** The verdict. A fault of the surroundings is none of the target's and is not judged here. */
export function judge(evidence: Evidence): Judgement {
  const { found, kind, played, fault, golden } = evidence;
  const lines = dialogueLines(played, fault);
  const unmapped = lines.find((line) => line.text.startsWith(`<- error ${UNMAPPED} `));
  if (golden !== null && 'wrong' in golden) return { verdict: 'error', reason: `the golden ${golden.wrong}` };
  if (golden === null && unmapped === undefined) {
    if (fault !== undefined) return faulted(fault, played.step);
    const fix = `qbm golden accept ${found.id} --reason "…"`;
    return { verdict: 'fail', reason: `there is no golden: read the transcript, then ${fix}` };
  }
  const difference =
    golden === null ? null : compare(normalise(kind, golden, lines), normalise(kind, lines, golden));
  if (unmapped !== undefined) {
    return {
      verdict: 'unmapped-error',
      reason: `an error without an id: ${unmapped.text.slice(`<- error ${UNMAPPED} `.length)}`,
      step: unmapped.step,
      ...(difference === null ? {} : { diff: difference.hunk }),
    };
  }
  const listed = applicable(evidence.expected, found.id, evidence.format, evidence.version);
  if (difference === null) {
    if (listed.length > 0) {
      return {
        verdict: 'stale',
        reason: 'it is listed as an expected deviation but gives the golden: remove the entry',
      };
    }
    return played.allowed
      ? { verdict: 'allowed', reason: 'a choice that a rule leaves open' }
      : { verdict: 'pass' };
  }
  const where = { diff: difference.hunk, step: difference.step };
  const known = listed.find((entry) => entry.hunk === difference.hunk);
  if (known !== undefined && known.reason !== NO_REASON) {
    return {
      verdict: 'deviates',
      reason: known.reason,
      ...where,
      ...(known.link === undefined ? {} : { link: known.link }),
    };
  }
  if (fault !== undefined) return { ...faulted(fault, played.step), diff: difference.hunk };
  if (known !== undefined)
    return { verdict: 'fail', reason: 'it is listed as an expected deviation without a reason', ...where };
  const otherwise =
    listed.length > 0 ? 'it deviates otherwise than listed' : 'the transcript differs from the golden';
  return { verdict: 'fail', reason: otherwise, ...where };
}

const FAULTS: Readonly<Record<TargetFault['kind'], string>> = {
  crash: 'the target crashed at this step',
  hang: 'the target did not answer in time at this step',
  garbage: 'the target answered garbage at this step',
  surroundings: 'the target cannot be had',
};

function faulted(fault: TargetFault, step: number): Judgement {
  const verdict = fault.kind === 'crash' || fault.kind === 'hang' ? fault.kind : 'fail';
  return { verdict, reason: FAULTS[fault.kind], step };
}
