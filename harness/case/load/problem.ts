/** A mistake in a file that somebody wrote: where it is and what to do about it. */

export interface Problem {
  /** the file as the user would name it */
  readonly file: string;
  /** from 1; 0 if the problem is of the file as a whole */
  readonly line: number;
  /** from 1, in UTF-16 units; 0 if the problem is of the file as a whole */
  readonly column: number;
  readonly message: string;
}

/** `file:line:column: message`, the form that editors and CI systems turn into links. */
export function problemText(problem: Problem): string {
  const place = problem.line > 0 ? `:${problem.line}:${problem.column}` : '';
  return `${problem.file}${place}: ${problem.message}`;
}

/** Carries every problem found, so that they can be mended in one go. */
export class ProblemError extends Error {
  readonly problems: readonly Problem[];
  constructor(problems: readonly Problem[]) {
    super(problems.map(problemText).join('\n'));
    this.name = 'ProblemError';
    this.problems = problems;
  }
}
