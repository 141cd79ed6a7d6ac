/** What the tests of targets have in common: which programs there are, scripts that misbehave, what is left behind. */
import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { SCRIPT } from './after-kill.js';
import { findInPath } from './parse.js';
import { createQemuSystemTarget, QEMU_SYSTEM_PROGRAM } from './qmp/qemu-system.js';
import { createQsdTarget, QSD_PROGRAM } from './qmp/qsd.js';
import type { CaseContext, Target, Use } from './target.js';

/** For tap's `skip`: false if the programs are there; with CI set they have to be, and the test fails without. */
export function unless(...programs: string[]): false | string {
  const missing = programs.filter((program) => findInPath(program) === null);
  if (missing.length === 0 || process.env.CI) return false;
  return `no ${missing.join(', ')} in PATH`;
}

/** Both QEMU targets, with what a test of each needs for tap. */
export const QEMUS: readonly {
  readonly name: string;
  readonly skip: false | string;
  create(use?: Use): Target;
}[] = [
  {
    name: 'qemu-system',
    skip: unless(QEMU_SYSTEM_PROGRAM),
    create: (use) => createQemuSystemTarget('qemu-system', undefined, use),
  },
  { name: 'qsd', skip: unless(QSD_PROGRAM), create: (use) => createQsdTarget('qsd', undefined, use) },
];

export function context(changes: Partial<CaseContext> = {}): CaseContext {
  return { id: 'a-case', format: 'raw', limitMs: 20_000, volatileNodes: new Set(), ...changes };
}

/** A command line for a script in this Node. It must not contain single quotes. */
export function nodeScript(script: string): string {
  return `'${process.execPath}' --input-type=module -e '${script}'`;
}

/**
 * Processes that are our children, and our scratch directories: what has to be empty after a test. The shell that would see
 * to them after SIGKILL ends by itself when there are none.
 */
export function leftovers(): string[] {
  const children = readdirSync('/proc').filter(
    (pid) => /^\d+$/.test(pid) && parentOf(pid) === process.pid && !isShell(pid),
  );
  const directories = readdirSync(tmpdir()).filter((name) => name.startsWith(`qbm-${process.pid}-`));
  return [...children.map((pid) => `process ${pid}`), ...directories];
}

function isShell(pid: string): boolean {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    return words === '' || words.includes(SCRIPT); // without words it has ended, and nobody has heard of it yet
  } catch {
    return true;
  }
}

function parentOf(pid: string): number {
  try {
    // "pid (name) state ppid …"; the name may hold anything, also a parenthesis
    return Number(/\) \S (\d+) [^)]*$/.exec(readFileSync(`/proc/${pid}/stat`, 'latin1'))?.[1]);
  } catch {
    return 0; // it has just gone
  }
}
