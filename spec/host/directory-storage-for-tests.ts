/** A directory that goes away with the test, and another process that holds a file in it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** What a test object of tap has that this needs. */
interface Test {
  teardown(done: () => void): void;
}

export function directoryFor(t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'qbm-directory-storage-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Milliseconds that another process may take for anything it is asked. */
const LIMIT = 60_000;

const STORAGE = new URL('./directory-storage.js', import.meta.url).href;

/** A process that runs `script` (the body of a module that has `storage`) and says things a line at a time. */
export interface Other {
  readonly child: ChildProcess;
  /** The next line it says. @throws Error when it ends, or says nothing for a minute */
  line(): Promise<string>;
  /** Closes its standard input. */
  leave(): Promise<void>;
  kill(): Promise<void>;
}

export function other(t: Test, directory: string, script: string): Other {
  const source = `import { DirectoryStorage } from ${JSON.stringify(STORAGE)};
    const storage = new DirectoryStorage(${JSON.stringify(directory)});
    ${script}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.teardown(() => void child.kill('SIGKILL'));
  const ended = once(child, 'exit');
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  const end = async (how: () => void): Promise<void> => {
    how();
    await within(ended);
  };
  return {
    child,
    line: async () => {
      const { value, done } = await within(lines.next());
      if (done === true) throw new Error('the other process ended without a word');
      return value;
    },
    leave: () => end(() => child.stdin!.end()),
    kill: () => end(() => void child.kill('SIGKILL')),
  };
}

/** Holds the file until its standard input is closed; then ends without closing the file. */
export function holding(name: string, lock: 'exclusive' | 'shared'): string {
  return `storage.open(${JSON.stringify(name)}, { lock: '${lock}' });
    process.stdin.on('end', () => process.exit()).resume();
    console.log('held');`;
}

async function within<T>(promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`the other process took more than ${LIMIT} ms`)), LIMIT);
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}
