/** Whether two readers say the same of a sample, as far as a rule decides what to say. */
import type { InspectedBitmap } from '../../target/target.js';
import { errorsOf, type Verdict } from './reference.js';

export interface Difference {
  /** what a sample that is made smaller has to keep */
  readonly kind: 'opens' | 'content' | 'findings' | 'error' | 'contradiction';
  readonly text: string;
}

/** @param two of the other reader */
export function difference(one: Verdict, two: Verdict): Difference | null {
  const [errors, others] = [errorsOf(one), errorsOf(two)];
  if ('error' in two.seen !== hasErrors(two))
    return {
      kind: 'contradiction',
      text: `it opens with ${shown(two)}, check says ${others.join(', ') || 'no error'}`,
    };
  if (errors.length === 0 && others.length === 0) return differenceInside(one, two);
  if (errors.length === 0 || others.length === 0)
    return { kind: 'opens', text: `${errors.join(', ') || 'opens'} / ${others.join(', ') || 'opens'}` };
  // Where more than one rule refuses an image any of their ids is right.
  if (agreedIds(errors, others).length > 0) return null;
  return { kind: 'error', text: `${errors.join(', ')} / ${others.join(', ')}` };
}

/** Ids that two rules give to one fault: QBM-006 and QBM-009, QBM-017, QBM-027 and QBM-009 or QBM-010. */
const ONE_FAULT = [
  ['NOT-QBM', 'TYPE'],
  ['LOOP', 'FILE-TWICE'],
  ['KEY', 'EXT-HARD'],
  ...['TYPE', 'MISSING', 'KEY', 'EXT-HARD'].map((other) => ['EXTENSION', other]),
].map((pair) => pair.map((name) => `QBM-E-${name}`));

/** The ids by which both name the same fault; in part other ids, where two rules give them. */
export function agreedIds(errors: readonly string[], others: readonly string[]): string[] {
  const same = errors.filter((id) => others.includes(id));
  const pairs = ONE_FAULT.filter(([one, two]) => errors.includes(one!) && others.includes(two!));
  const turned = ONE_FAULT.filter(([one, two]) => others.includes(one!) && errors.includes(two!));
  return [...same, ...pairs.flat(), ...turned.flat()];
}

function hasErrors({ report }: Verdict): boolean {
  return 'error' in report || report.findings.some(({ severity }) => severity === 'error');
}

function differenceInside(one: Verdict, two: Verdict): Difference | null {
  if (shown(one) !== shown(two)) return { kind: 'content', text: `${shown(one)} / ${shown(two)}` };
  if (findings(one) !== findings(two))
    return { kind: 'findings', text: `${findings(one)} / ${findings(two)}` };
  return null;
}

function shown({ seen }: Verdict): string {
  if ('error' in seen) return seen.error.id;
  const { size, bitmaps, backing } = seen;
  const plain = ({ name, type, granularity, recording, inconsistent, areas }: InspectedBitmap): object => ({
    ...{ name, type, granularity, inconsistent, areas },
    // Of an allocation bitmap nothing is recorded.
    recording: type === 'dirty' && recording,
  });
  const sorted = [...bitmaps].sort((a, b) => (a.name < b.name ? -1 : 1)).map(plain);
  return JSON.stringify({
    size,
    bitmaps: sorted,
    backing: backing && { file: backing.file, format: backing.format },
  });
}

function findings({ report }: Verdict): string {
  if ('error' in report) return report.error.id;
  return report.findings
    .map(({ id, severity, bitmap }) => `${severity} ${id} ${JSON.stringify(bitmap)}`)
    .sort()
    .join(', ');
}
