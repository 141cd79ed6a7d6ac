/** Runs a campaign with limits: on the time that one sample may take, and on the memory of the whole. */
import { Worker } from 'node:worker_threads';
import type { CampaignOptions, Result } from './campaign.js';

export interface ThreadOptions extends Omit<CampaignOptions, 'other' | 'at'> {
  /** starts the other implementation; null: none */
  readonly adapter: string | null;
  /** told of the sample that is read, now and then */
  readonly progress?: (index: number) => void;
}

/** What the thread is given. */
export interface ThreadData extends Omit<ThreadOptions, 'progress'> {
  /** one double: the sample that is read */
  readonly progress: SharedArrayBuffer;
}

/** Milliseconds that the samples between two looks may take at least: thousands of times what one takes. */
const LIMIT_MS = 120_000;
const LOOK_MS = 1000;
/** Mebibytes of the heap, and of all memory besides what was there before. */
const HEAP = 512;
const MEMORY = 1024;

/** @throws Error when a sample hangs or takes too much memory; it names the sample */
export async function runInThread(options: ThreadOptions): Promise<Result & { readonly memory: number }> {
  const { progress: told, ...rest } = options;
  const progress = new SharedArrayBuffer(8);
  const at = new Float64Array(progress);
  at[0] = options.from;
  const before = process.memoryUsage.rss();
  let memory = 0;
  const worker = new Worker(new URL('./worker.js', import.meta.url), {
    workerData: { ...rest, progress } satisfies ThreadData,
    resourceLimits: { maxOldGenerationSizeMb: HEAP },
  });
  let [last, since] = [-1, performance.now()];
  let timer: NodeJS.Timeout | undefined;
  try {
    const result = await new Promise<Result>((resolve, reject) => {
      const fail = (what: string): void =>
        reject(new Error(`${what} at sample ${at[0]} of seed ${options.seed}`));
      worker.once('message', resolve);
      worker.once('error', (error) => fail(error.stack ?? error.message));
      worker.once('exit', () => fail('the thread ended'));
      timer = setInterval(() => {
        memory = Math.max(memory, (process.memoryUsage.rss() - before) / 2 ** 20);
        if (memory > MEMORY) fail(`${Math.round(memory)} MiB of memory`);
        if (at[0] !== last) [last, since] = [at[0]!, performance.now()];
        else if (performance.now() - since > LIMIT_MS) fail(`no progress for ${LIMIT_MS / 1000} s`);
        told?.(at[0]!);
      }, LOOK_MS);
    });
    return { ...result, memory: Math.round(memory) };
  } finally {
    clearInterval(timer);
    await worker.terminate();
  }
}
