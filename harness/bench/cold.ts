/**
 * A run of cases on the reference by code that has never run: in a thread of its own, which has its own compiler and
 * has to find out by itself what is worth compiling. It is what a run from the command line is like.
 */
import { once } from 'node:events';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { loadSuite } from '../case/load/load.js';
import { Interrupted } from '../case/run/guard.js';
import type { Places } from '../cli/environment.js';
import { parseTarget } from '../target/parse.js';
import { runSuite } from './run-suite.js';

interface Order {
  readonly places: Places;
  readonly ids: readonly string[];
}

/** Loads the cases and the reference, then runs them once; resolves to the milliseconds of the run alone. */
export async function runCold(places: Places, ids: readonly string[], signal: AbortSignal): Promise<number> {
  const order: Order = { places, ids };
  const worker = new Worker(new URL(import.meta.url), { workerData: order });
  try {
    const [ms] = await once(worker, 'message', { signal });
    return ms as number;
  } catch (error) {
    if (signal.aborted) throw new Interrupted();
    throw error;
  } finally {
    await worker.terminate();
  }
}

async function work({ places, ids }: Order): Promise<number> {
  const chosen = new Set(ids);
  const cases = loadSuite(places.cases).cases.filter(({ id }) => chosen.has(id));
  const reference = parseTarget('reference');
  // Loads the code, which is a part of starting Node and not of the run.
  await reference.create().identify();
  const { ms } = await runSuite(reference, cases, places.goldens, new AbortController().signal);
  return ms;
}

if (!isMainThread && parentPort !== null) parentPort.postMessage(await work(workerData as Order));
