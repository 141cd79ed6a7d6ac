/** What the command line needs of the world around it: streams, the package, targets, the interrupt. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Sink } from '../report/reporter.js';
import type { TargetChoice } from '../target/parse.js';
import type { Target } from '../target/target.js';

/** Exit codes that scripts depend on. */
export const EXIT = { ok: 0, unexpected: 1, failed: 2, usage: 64, interrupted: 130 } as const;

/** The command line was wrong: exit code 64. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}

/** Everything that a test of the command line replaces. */
export interface Environment {
  readonly stdout: Sink;
  readonly stderr: Sink;
  readonly colour: boolean;
  readonly signal: AbortSignal;
  /** what a `--target` text stands for; rejects with {@link UsageError}, or a TargetFault if it cannot be had */
  targets(text: string): Promise<TargetChoice[]>;
  /** URL of a module in the place of fuzz/world-module.js: the properties of `fuzz` */
  readonly world?: string;
  /** the id of an error that a target gave as class and text only */
  errorId(kind: Target['kind'], desc: string, errorClass: string): string | undefined;
}

let root: string | undefined;

/** The directory of the package: the nearest one upwards with our package.json. */
export function packageRoot(): string {
  if (root !== undefined) return root;
  let directory = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    try {
      const read = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as { name?: string };
      if (read.name === 'qbm') break;
    } catch {
      // not here
    }
    const parent = dirname(directory);
    if (parent === directory) throw new Error('the package.json of qbm is in no directory above its code');
    directory = parent;
  }
  root = directory;
  return directory;
}

/** The version of the package. */
export function packageVersion(): string {
  const read = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string };
  return read.version;
}

/** Where cases and goldens are. */
export interface Places {
  readonly cases: string;
  readonly goldens: string;
}

/** From `--cases` and `--golden`; other cases have their goldens beside them, not in the package. */
export function places(options: { readonly cases?: string; readonly golden?: string }): Places {
  const cases = options.cases ?? join(packageRoot(), 'cases');
  return { cases, goldens: options.golden ?? join(dirname(cases), 'golden') };
}
