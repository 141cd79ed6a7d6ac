/** The first difference between what the model said and what was observed. */
import type { Played } from '../../case/play/play.js';
import type { TranscriptLine } from '../../case/play/transcript.js';
import { normalise } from '../../golden/normalise.js';
import type { Target } from '../../target/target.js';
import type { Outcome } from '../history.js';
import { inCommonWords } from './other-words.js';

/**
 * Of the step that was played last; null when it is as expected.
 *
 * @param hasOtherWords whether the target may say things otherwise than the model, as other versions do
 */
export function differenceOf(
  { kind, hasOtherWords }: { readonly kind: Target['kind']; readonly hasOtherWords: boolean },
  expected: readonly TranscriptLine[],
  { lines: observed, step }: Played,
): Outcome | null {
  const own = (lines: readonly TranscriptLine[]): string[] => linesOf(lines, step);
  // What is equal before the normalisers is equal after them; that is what most steps are.
  if (isEqual(own(expected), own(observed))) return null;
  const upTo = (lines: readonly TranscriptLine[]): readonly TranscriptLine[] =>
    lines.filter((line) => line.step <= step);
  const [here, there] = [upTo(expected), upTo(observed)];
  const wanted = linesOf(normalise(kind, here, there), step);
  const found = linesOf(normalise(kind, there, here), step);
  if (isEqual(wanted, found)) return null;
  if (hasOtherWords && isEqual(inCommonWords(wanted), inCommonWords(found))) return null;
  return { kind: 'differs', step, expected: wanted, observed: found, oracle: 'model' };
}

/** Those of a step. Lines stand in the order of their steps, and this is asked after every one: so by halves. */
function linesOf(lines: readonly TranscriptLine[], step: number): string[] {
  let [low, high] = [0, lines.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (lines[middle]!.step < step) low = middle + 1;
    else high = middle;
  }
  const texts: string[] = [];
  for (let at = low; lines[at]?.step === step; at++) texts.push(lines[at]!.text);
  return texts;
}

function isEqual(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((text, index) => text === other[index]);
}
