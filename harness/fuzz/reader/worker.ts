/** A campaign in a thread of its own, which can be ended when it hangs or takes too much memory. */
import { parentPort, workerData } from 'node:worker_threads';
import { campaign } from './campaign.js';
import { Other } from './other.js';
import type { ThreadData } from './thread.js';

const { adapter, progress, ...rest } = workerData as ThreadData;
const at = new Float64Array(progress);
const other = adapter === null ? null : new Other(adapter);
try {
  parentPort!.postMessage(await campaign({ ...rest, other, at: (index) => (at[0] = index) }));
} finally {
  await other?.close();
}
