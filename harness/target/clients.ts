/** Real NBD clients: which are installed, and how one is run. */
import { existsSync } from 'node:fs';
import { CLIENTS } from '../case/nbd-step.js';
import { findInPath } from './find-program.js';
import { runProgram } from './img/tools.js';
import type { ToolOutcome } from './target.js';

/** The module that nbdsh is made of belongs to the Python of the system, whatever python3 comes first in PATH. */
const SYSTEM_PYTHON = '/usr/bin/python3';

/** `client:NAME` of those in PATH. */
export function clientCapabilities(): string[] {
  const isThere = (name: string): boolean =>
    findInPath(name) !== null && (name !== 'nbdsh' || existsSync(SYSTEM_PYTHON));
  return CLIENTS.filter(isThere).map((name) => `client:${name}`);
}

/** Runs a client in `directory`. @throws TargetFault */
export async function runClient(
  words: readonly string[],
  directory: string,
  limitMs: number,
): Promise<ToolOutcome> {
  const [name, ...args] = words;
  const command = name === 'nbdsh' ? [SYSTEM_PYTHON, '-m', 'nbd', ...args] : words;
  return runProgram(command, { cwd: directory, limitMs });
}
