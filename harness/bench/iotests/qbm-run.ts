/** `qbm run` over the cases of some of QEMU's tests, timed as a process of its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Interrupted } from '../../case/run/guard.js';
import { EXIT, type Places } from '../../cli/environment.js';

const MAIN = fileURLToPath(new URL('../../cli/main.js', import.meta.url));
/** milliseconds */
const LIMIT_MS = 300_000;

export interface HowToRun {
  readonly target: string;
  readonly jobs: number;
}

/** Milliseconds. Differences to the goldens are no matter here. @throws Interrupted; Error if it could not run */
export async function runQbm(
  places: Places,
  tests: readonly string[],
  { target, jobs }: HowToRun,
  signal: AbortSignal,
): Promise<number> {
  const out = mkdtempSync(join(tmpdir(), 'qbm-bench-'));
  const selectors = tests.map((test) => `iotests:${test}`);
  const where = ['--cases', places.cases, '--golden', places.goldens, '--out', out];
  const how = ['--target', target, '--format', 'all', '--jobs', String(jobs), '--reporter', 'jsonl'];
  const started = performance.now();
  try {
    const child = spawn(process.execPath, [MAIN, 'run', ...selectors, ...where, ...how], {
      stdio: ['ignore', 'ignore', 'inherit'],
      timeout: LIMIT_MS,
    });
    const stop = (): boolean => child.kill('SIGINT');
    signal.addEventListener('abort', stop);
    const [code] = (await once(child, 'close')) as [number | null];
    signal.removeEventListener('abort', stop);
    if (signal.aborted) throw new Interrupted();
    if (code !== EXIT.ok && code !== EXIT.unexpected)
      throw new Error(`qbm run on ${target} ended with ${code}`);
    return performance.now() - started;
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}
