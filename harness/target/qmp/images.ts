/**
 * The files that nodes stand on: sparse ones, and empty images of an overlay format, made by the target itself
 * (blockdev-create), so that no other program of perhaps another version is needed.
 */
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isJsonObject, type Json, type JsonObject } from '../../../spec/json/value.js';
import { type Reply, TargetFault } from '../target.js';
import type { QmpClient } from './client.js';
import { OURS } from './exports.js';

/** What can stand for `{format}: overlay`, the best first: a format with bitmaps and backing files. */
const OVERLAY_DRIVERS: readonly string[] = ['qbm', 'qcow2'];

/** The driver of overlays of a program with these drivers; null if it has none. */
export function overlayDriver(drivers: readonly string[]): string | null {
  return OVERLAY_DRIVERS.find((driver) => drivers.includes(driver)) ?? null;
}

/** A name that is a file's name everywhere; anything else would need quoting somewhere. */
const PLAIN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

/** Where the file called `name` is. @throws Error when that is no plain name */
export function pathOf(directory: string, name: string): string {
  if (!PLAIN.test(name))
    throw new Error(`not a file name: ${JSON.stringify(name)} (letters, digits, ".", "_", "-")`);
  return join(directory, name);
}

/** The file name for a node. The target is to judge odd node names, so one that is no file name gets a substitute. */
export function imageName(node: string): string {
  return PLAIN.test(`${node}.img`)
    ? `${node}.img`
    : `odd-${Buffer.from(node).toString('hex').slice(0, 60)}.img`;
}

/** Makes a sparse file of `size` bytes, or empties one. @throws TargetFault `surroundings` */
export async function makeSparse(path: string, size: number): Promise<void> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, 'w');
    await file.truncate(size);
  } catch (error) {
    throw new TargetFault('surroundings', `cannot make a file of ${size} bytes: ${(error as Error).message}`);
  } finally {
    await file?.close();
  }
}

/** What a file has; null if there is none. @throws TargetFault `surroundings` */
export async function bytesOf(path: string): Promise<Uint8Array | null> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new TargetFault('surroundings', `cannot read ${path}: ${(error as Error).message}`);
  }
}

let jobs = 0;

/** What an overlay says is below it. */
export interface StoredBacking {
  /** with its directory: a name beside the overlay would show as another one than that of the node */
  readonly file: string;
  readonly format: string;
}

export interface Below {
  readonly backing: StoredBacking | null;
  /** also later: a format may have to know before */
  readonly mayHaveBacking: boolean;
}

interface Overlay extends Below {
  readonly path: string;
  /** bytes */
  readonly size: number;
}

/** Makes an empty overlay. Leaves no node and no job behind. @throws TargetFault */
export async function makeOverlay(
  qmp: QmpClient,
  driver: string,
  { path, size, backing, mayHaveBacking }: Overlay,
  limitMs: number,
): Promise<Reply> {
  await makeSparse(path, 0);
  const id = `${OURS}job-${++jobs}`;
  const file: JsonObject = { driver: 'file', 'node-name': id, filename: path };
  const added = await qmp.execute('blockdev-add', file, limitMs);
  if ('error' in added) return added;
  const options: JsonObject = { driver, file: id, size };
  if (backing !== null)
    Object.assign(options, { 'backing-file': backing.file, 'backing-fmt': backing.format });
  if (mayHaveBacking && driver === 'qbm') options.allocation = true;
  let outcome: Reply = { return: {} };
  await qmp.causing(
    ({ event, data }) =>
      event === 'JOB_STATUS_CHANGE' && isJsonObject(data) && data.id === id && data.status === 'concluded',
    'end of blockdev-create',
    limitMs,
    async () => {
      outcome = await qmp.execute('blockdev-create', { 'job-id': id, options }, limitMs);
      return 'return' in outcome;
    },
  );
  if ('return' in outcome) {
    outcome = jobResult(await qmp.demand('query-jobs', undefined, limitMs), id);
    await qmp.demand('job-dismiss', { id }, limitMs);
  }
  await qmp.demand('blockdev-del', { 'node-name': id }, limitMs);
  return outcome;
}

function jobResult(jobs: Json, id: string): Reply {
  const job = Array.isArray(jobs) ? jobs.find((item) => isJsonObject(item) && item.id === id) : undefined;
  const failed = isJsonObject(job) ? job.error : 'the job is gone';
  return failed === undefined ? { return: {} } : { error: { class: 'GenericError', desc: String(failed) } };
}
