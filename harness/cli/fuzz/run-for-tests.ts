/** The command line in this process, with what it prints: to start one takes long. */
import type { Environment } from '../environment.js';
import { qbm } from '../program.js';

export interface Printed {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export async function runHere(
  args: readonly string[],
  world: Pick<Environment, 'targets' | 'errorId' | 'world'>,
): Promise<Printed> {
  const printed = { stdout: '', stderr: '' };
  const sink = (name: 'stdout' | 'stderr'): Environment['stdout'] => ({
    terminal: false,
    write: (text) => {
      printed[name] += text;
    },
    end: async () => {},
  });
  const environment: Environment = {
    stdout: sink('stdout'),
    stderr: sink('stderr'),
    colour: false,
    signal: new AbortController().signal,
    ...world,
  };
  return { code: await qbm(args, environment), ...printed };
}
