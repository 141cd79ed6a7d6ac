/** QEMU's `check` over some of its tests, timed. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Interrupted } from '../../case/run/guard.js';

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
  const { code, text } = await new Promise<{ code: number | null; text: string }>((resolve, reject) => {
    const child = spawn(program, ['-qcow2', ...tests], {
      cwd: dirname(program),
      stdio: ['ignore', 'pipe', 'pipe'],
      signal,
      timeout: LIMIT_MS,
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (part: string) => (said = (said + part).slice(-4000)));
    child.on('error', (error) => reject(signal.aborted ? new Interrupted() : error));
    child.on('close', (ended) => resolve({ code: ended, text: said }));
  });
  if (signal.aborted) throw new Interrupted();
  if (code !== 0) throw new Error(`${program} failed (${code ?? 'ended'}):\n${text}`);
  return performance.now() - started;
}
