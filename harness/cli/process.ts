/** The command line in a real process: its streams, Ctrl-C, and its end. */
import type { Sink } from '../report/reporter.js';
import { type Environment, EXIT } from './environment.js';

/** Runs `main` with the streams and signals of this process, and ends the process with its exit code. */
export async function inProcess(
  targets: Environment['targets'],
  errorId: Environment['errorId'],
  main: (environment: Environment) => Promise<number>,
  world?: string,
): Promise<never> {
  const interrupt = new AbortController();
  const onSignal = (): void => {
    // The second one is from somebody who cannot wait for targets to be closed.
    if (interrupt.signal.aborted) process.exit(EXIT.interrupted);
    interrupt.abort();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  const stdout = streamSink(process.stdout);
  const stderr = streamSink(process.stderr);
  const code = await main({
    stdout,
    stderr,
    colour: wantsColour(),
    signal: interrupt.signal,
    targets,
    errorId,
    ...(world === undefined ? {} : { world }),
  });
  await stdout.end();
  await stderr.end();
  if (stdout.lost() !== null) {
    process.stderr.write(`qbm: the output is not complete: ${stdout.lost()}\n`);
    process.exit(EXIT.failed);
  }
  // Not by running out of work: a target that hangs in this process must not keep it.
  process.exit(code);
}

/** A sink that can say why something that was written to it is lost. */
interface StreamSink extends Sink {
  readonly end: () => Promise<void>;
  readonly lost: () => string | null;
}

function streamSink(stream: NodeJS.WriteStream): StreamSink {
  let broken = false;
  let lost: string | null = null;
  stream.on('error', (error: NodeJS.ErrnoException) => {
    broken = true;
    // A reader that has seen enough (`qbm list | head`) is no failure, and must not stop a run half way.
    if (error.code !== 'EPIPE') lost = error.message;
  });
  return {
    lost: () => lost,
    terminal: stream.isTTY === true,
    write: (text) => {
      if (!broken) stream.write(text);
    },
    end: () =>
      new Promise<void>((resolve) => {
        if (broken) resolve();
        else stream.write('', () => resolve());
      }),
  };
}

/** https://no-color.org; FORCE_COLOR as node has it. */
function wantsColour(): boolean {
  const { NO_COLOR, FORCE_COLOR } = process.env;
  if (NO_COLOR !== undefined && NO_COLOR !== '') return false;
  if (FORCE_COLOR !== undefined) return FORCE_COLOR !== '0';
  return process.stdout.isTTY === true;
}
