/** JSON files of a campaign as they are read: checked, and with what to do about one that is damaged. */
import { existsSync } from 'node:fs';
import { type Problem, ProblemError } from '../../../case/load/problem.js';
import { readText } from '../../../case/load/text.js';
import { type Shape, wrongIn } from './shape.js';

/** Told of what is damaged and was left out: a line for a person. */
export type Warn = (line: string) => void;

/** A finding may hold long answers. */
const MAX_BYTES = 2 ** 26;

/**
 * The value of a file, or null if it is not there. Files appear whole, by renaming: one that is not whole was damaged later.
 * @throws {ProblemError} if it cannot be read, is no JSON, or has another shape
 */
export function readJson<T>(path: string, shape: Shape): T | null {
  if (!existsSync(path)) return null;
  const read = readText(path, MAX_BYTES);
  if ('wrong' in read) throw new ProblemError([wholeFile(path, read.wrong)]);
  if (read.text.trim() === '') throw new ProblemError([wholeFile(path, 'the file is empty')]);
  const checked = checkedJson<T>(read.text, shape);
  if ('wrong' in checked) throw new ProblemError([wholeFile(path, checked.wrong)]);
  return checked.value;
}

/** What is wrong with a text that was not written to its end. */
export const NO_JSON = 'is no JSON';

/** The value of a text, or what is wrong with it. */
export function checkedJson<T>(
  text: string,
  shape: Shape,
): { readonly value: T } | { readonly wrong: string } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { wrong: NO_JSON };
  }
  const wrong = wrongIn(shape, value);
  return wrong === null ? { value: value as T } : { wrong };
}

/** A problem of a file as a whole. */
export function wholeFile(file: string, message: string): Problem {
  return { file, line: 0, column: 0, message };
}

/** Does it, with what to do behind what it says is damaged. @throws {ProblemError} and what it throws */
export function advised<T>(advice: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    const last = error.problems.at(-1)!;
    throw new ProblemError(error.problems.with(-1, { ...last, message: `${last.message}; ${advice}` }));
  }
}
