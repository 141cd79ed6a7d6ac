/** The daemon of the reference in a real process: it ends by a signal or by command, in order. */
import { writeSync } from 'node:fs';
import { runDaemon } from '../../spec/host/daemon/run.js';
import { packageVersion } from './environment.js';

const STDERR = 2;
/** The second one of these ends the process at once. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Serves until it is told to end. Resolves to the exit code. */
export async function daemon(argv: readonly string[]): Promise<number> {
  const stop = new AbortController();
  for (const signal of SIGNALS) process.once(signal, () => stop.abort());
  const stderr = (text: string): void => {
    writeSync(STDERR, text);
  };
  const { stdin, stdout } = process;
  return runDaemon(argv, { stdin, stdout, stderr, version: packageVersion(), stop: stop.signal });
}
