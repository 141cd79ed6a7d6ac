/** What identifies a finding: the way in which it shows, without names, numbers and chance. */
import { createHash } from 'node:crypto';
import type { History, Outcome } from '../history.js';
import { shapeOf } from '../reduce/tree.js';
import { crashCause } from './crash.js';
import { normaliser } from './normal.js';

/** An outcome that is a finding. */
export type Bad = Extract<Outcome, { kind: 'differs' | 'crash' | 'hang' | 'garbage' }>;

export interface Signature {
  /** of all the rest: twelve hexadecimal digits */
  readonly id: string;
  readonly kind: Bad['kind'];
  /** what was being done */
  readonly where: string;
  /** how it showed */
  readonly what: string;
}

/** Longer observations are cut to where they differ. */
const MOST = 240;
const NOTHING = '(nothing)';

export function isBad(outcome: Outcome): outcome is Bad {
  return ['differs', 'crash', 'hang', 'garbage'].includes(outcome.kind);
}

export function signatureOf(history: History, outcome: Bad): Signature {
  const step = history.steps[outcome.step];
  const where = step === undefined ? 'end' : shapeOf(step);
  return makeSignature(outcome.kind, where, whatOf(history, outcome));
}

/** The signature of these parts. */
export function makeSignature(kind: Bad['kind'], where: string, what: string): Signature {
  const id = createHash('sha256').update([kind, where, what].join('\n')).digest('hex').slice(0, 12);
  return { id, kind, where, what };
}

/** Whether both show in the same way, whatever was being done: what a reducer must not lose. */
export function isAlike(a: Signature, b: Signature): boolean {
  return a.kind === b.kind && a.what === b.what;
}

function whatOf(history: History, outcome: Bad): string {
  const normal = normaliser(history.steps);
  switch (outcome.kind) {
    case 'crash':
      return crashCause(outcome.message, outcome.stderr);
    case 'hang':
      return 'no answer in time';
    case 'garbage':
      return normal(outcome.message.split('\n')[0]!).slice(0, MOST);
    case 'differs': {
      const oracle = outcome.oracle === 'model' ? '' : `${outcome.oracle}: `;
      return `${oracle}${difference(outcome.expected, outcome.observed, normal)}`;
    }
  }
}

/** The first lines that differ, as `expected => observed`. */
function difference(
  expected: readonly string[],
  observed: readonly string[],
  normal: (line: string) => string,
): string {
  let index = 0;
  while (index < expected.length && expected[index] === observed[index]) index++;
  const [one, other] = [expected[index], observed[index]];
  const [a, b] = [one === undefined ? NOTHING : normal(one), other === undefined ? NOTHING : normal(other)];
  if (a === b) return `${cut(a, b)[0]}: ${direction(one!, other!)}`;
  const [from, to] = cut(a, b);
  return `${from} => ${to}`;
}

/** How the first numbers that differ do. */
function direction(one: string, other: string): string {
  const numbers = (text: string): number[] => (text.match(/(?<!\w)\d{1,19}(?!\w)/g) ?? []).map(Number);
  const [a, b] = [numbers(one), numbers(other)];
  if (/^\s*dirty\b/.test(one) || a.length !== b.length) return areas(one, other);
  const index = a.findIndex((number, at) => number !== b[at]);
  return index < 0 ? 'otherwise' : b[index]! < a[index]! ? 'less' : 'more';
}

/** Of lists of areas: whether something is missing, which loses data, or only too much is there. */
function areas(one: string, other: string): string {
  const within = (text: string): [number, number][] =>
    [...text.matchAll(/(\d+)\+(\d+)/g)].map(([, start, length]) => [
      Number(start),
      Number(start) + Number(length),
    ]);
  const covers = (outer: [number, number][], inner: [number, number][]): boolean =>
    inner.every(([start, end]) => outer.some(([from, to]) => from <= start && end <= to));
  const [a, b] = [within(one), within(other)];
  if (a.length === 0 && b.length === 0) return 'otherwise';
  return covers(b, a) ? 'too much' : covers(a, b) ? 'too little' : 'elsewhere';
}

/** Two long texts without what they have in common at both ends, cut at blanks. */
function cut(a: string, b: string): [string, string] {
  if (Math.max(a.length, b.length) <= MOST) return [a, b];
  const [x, y] = [a.split(' '), b.split(' ')];
  let start = 0;
  while (start < x.length - 1 && x[start] === y[start]) start++;
  let end = 0;
  while (end < Math.min(x.length, y.length) - start - 1 && x.at(-1 - end) === y.at(-1 - end)) end++;
  const part = (words: string[]): string =>
    words
      .slice(Math.max(0, start - 2), words.length - end)
      .join(' ')
      .slice(0, MOST);
  return [part(x), part(y)];
}
