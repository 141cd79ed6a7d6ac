/** QEMU's `check` over some of its tests, timed. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { bounded } from '../../case/run/guard.js';
import { startChild } from '../../target/process.js';

/** For all of them, milliseconds. */
const LIMIT_MS = 900_000;

export interface Check {
  /** the path of the script */
  readonly program: string;
}

/** Null if `QBM_QEMU_TREE` is not set. @throws Error if there is no check in it */
export function findCheck(env: NodeJS.ProcessEnv): Check | null {
  const tree = env.QBM_QEMU_TREE;
  if (tree === undefined || tree === '') return null;
  const program = join(tree, 'tests', 'qemu-iotests', 'check');
  if (existsSync(program)) return { program };
  throw new Error(`QBM_QEMU_TREE: no ${program}; it names the top directory of QEMU's sources`);
}

/** Milliseconds. @throws Interrupted; Error if it fails: what did not run was not measured */
export async function runCheck(
  { program }: Check,
  tests: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  const started = performance.now();
  const child = await startChild({
    file: program,
    args: ['-qcow2', ...tests],
    cwd: dirname(program),
    channel: 'log',
  });
  try {
    await bounded(child.exited, LIMIT_MS, program, signal);
  } finally {
    // With what it has started: its tests start QEMU.
    await child.destroy();
  }
  const code = child.exit?.code ?? null;
  if (code !== 0) throw new Error(`${program} failed (${code ?? 'ended'}):\n${child.stderr()}`);
  return performance.now() - started;
}
