/**
 * A node and its bitmaps as a QMP target shows them: numbers from query-named-block-nodes, dirty areas over NBD, the
 * hash from x-debug-block-dirty-bitmap-sha256. Three ways, so that none is believed alone.
 */
import { isJsonObject, type Json, type JsonObject } from '../../../spec/json/value.js';
import { type Area, joinAreas, LARGEST_MAPPED_DISK, noSuchNode, sortBitmaps } from '../observe.js';
import { type BitmapObservation, type NodeObservation, type Reply, TargetFault } from '../target.js';
import type { QmpClient } from './client.js';
import { type Exports, type OpenExport, OURS } from './exports.js';

/** What a target needs to have for its bitmaps to be observed. */
export interface Observed {
  readonly qmp: QmpClient;
  readonly exports: Exports;
  readonly commands: ReadonlySet<string>;
}

type Bitmap = Omit<BitmapObservation, 'dirty' | 'sha256'>;

/** The flag of an extent in the context qemu:dirty-bitmap:NAME. QEMU's docs/interop/nbd.txt. */
const DIRTY = 1;
/** A node of ours that bitmaps are copied to if their own node cannot be exported. */
const COPIES = `${OURS}copies`;

/** Observes `node`. Leaves nothing behind. @throws TargetFault */
export async function observeNode(
  target: Observed,
  node: string,
  limitMs: number,
): Promise<NodeObservation | Reply> {
  const nodes = await target.qmp.demand('query-named-block-nodes', { flat: true }, limitMs);
  const found = asArray(nodes).find((item) => isJsonObject(item) && item['node-name'] === node);
  if (!isJsonObject(found)) return noSuchNode(node);
  const size = isJsonObject(found.image) ? asNumber(found.image['virtual-size'], 'virtual-size') : 0;
  const bitmaps = asArray(found['dirty-bitmaps'] ?? [])
    .map(readBitmap)
    .filter(({ name }) => name !== '');
  const readable = bitmaps.filter(({ busy, inconsistent }) => !busy && !inconsistent);
  const hashes = await readHashes(target, node, readable, limitMs);
  const areas =
    size > LARGEST_MAPPED_DISK
      ? null
      : await readAreas(target, node, found.ro === true, size, readable, limitMs);
  const observed = bitmaps.map((bitmap) => ({
    ...bitmap,
    dirty: areas?.get(bitmap.name) ?? null,
    sha256: hashes.get(bitmap.name) ?? null,
  }));
  return { size, bitmaps: sortBitmaps(observed) };
}

async function readHashes(target: Observed, node: string, bitmaps: readonly Bitmap[], limitMs: number) {
  const hashes = new Map<string, string>();
  if (!target.commands.has('x-debug-block-dirty-bitmap-sha256')) return hashes;
  const asked = bitmaps.map(async ({ name }) => {
    const reply = await target.qmp.execute('x-debug-block-dirty-bitmap-sha256', { node, name }, limitMs);
    if ('return' in reply && isJsonObject(reply.return)) hashes.set(name, String(reply.return.sha256));
  });
  await Promise.all(asked);
  return hashes;
}

async function readAreas(
  target: Observed,
  node: string,
  readOnly: boolean,
  size: number,
  bitmaps: readonly Bitmap[],
  limitMs: number,
): Promise<Map<string, Area[]>> {
  if (bitmaps.length === 0) return new Map();
  const names = bitmaps.map(({ name }) => name);
  if (size === 0) return new Map(names.map((name) => [name, []]));
  // Only a writable export may show a bitmap that records.
  const opened = await target.exports.open(node, { writable: !readOnly, bitmaps: names }, limitMs);
  if (!('nbd' in opened)) return readCopies(target, node, size, bitmaps, limitMs);
  const found = await readExport(opened, size, names);
  await target.exports.close(opened, limitMs);
  return found;
}

/**
 * A node below an image format does not share what an export needs. Its bitmaps are merged into ones of the same
 * granularity on an empty node of the same size, and these are read: this neither writes nor changes anything.
 */
async function readCopies(
  { qmp, exports }: Observed,
  node: string,
  size: number,
  bitmaps: readonly Bitmap[],
  limitMs: number,
): Promise<Map<string, Area[]>> {
  await qmp.demand(
    'blockdev-add',
    { driver: 'null-co', 'node-name': COPIES, size, 'read-only': true },
    limitMs,
  );
  for (const [index, { name, granularity }] of bitmaps.entries()) {
    const copy: JsonObject = { node: COPIES, name: `${index}`, granularity, disabled: true };
    await qmp.demand('block-dirty-bitmap-add', copy, limitMs);
    const merge: JsonObject = { node: COPIES, target: `${index}`, bitmaps: [{ node, name }] };
    await qmp.demand('block-dirty-bitmap-merge', merge, limitMs);
  }
  const names = [...bitmaps.keys()].map(String);
  const opened = await exports.open(COPIES, { writable: false, bitmaps: names }, limitMs);
  if (!('nbd' in opened)) {
    throw new TargetFault(
      'surroundings',
      `cannot read the bitmaps of ${node}: ${'error' in opened && opened.error.desc}`,
    );
  }
  const found = await readExport(opened, size, names);
  await exports.close(opened, limitMs);
  await qmp.demand('blockdev-del', { 'node-name': COPIES }, limitMs);
  return new Map([...found].map(([index, areas]) => [bitmaps[Number(index)]!.name, areas]));
}

async function readExport(
  { nbd }: OpenExport,
  size: number,
  names: readonly string[],
): Promise<Map<string, Area[]>> {
  const status = await nbd.blockStatus(0, size);
  if ('errno' in status)
    throw new TargetFault('garbage', `${status.errno} in reply to a block status of the whole disk`);
  return new Map(
    names.map((name) => {
      const extents = status.get(`qemu:dirty-bitmap:${name}`);
      if (extents === undefined)
        throw new TargetFault('garbage', `the NBD server does not offer the bitmap ${name}`);
      return [name, joinAreas(extents.filter(({ flags }) => (flags & DIRTY) !== 0))];
    }),
  );
}

function readBitmap(item: Json): Bitmap {
  if (!isJsonObject(item))
    throw new TargetFault('garbage', 'query-named-block-nodes: a dirty bitmap is no object');
  return {
    name: typeof item.name === 'string' ? item.name : '',
    granularity: asNumber(item.granularity, 'granularity'),
    count: asNumber(item.count, 'count'),
    recording: item.recording === true,
    busy: item.busy === true,
    persistent: item.persistent === true,
    inconsistent: item.inconsistent === true,
  };
}

function asArray(value: Json): Json[] {
  if (!Array.isArray(value)) throw new TargetFault('garbage', 'query-named-block-nodes: expected an array');
  return value;
}

function asNumber(value: Json | undefined, what: string): number {
  if (typeof value !== 'number')
    throw new TargetFault('garbage', `query-named-block-nodes: ${what} is no exact integer`);
  return value;
}
