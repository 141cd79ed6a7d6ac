/**
 * The parts of an image that is composed without a descriptor: none of them may be another one, or a piece of it, by
 * whatever nodes they are reached (FORMAT.md, QBM-017), and they are what the image is described by. Offsets are bytes.
 */
import { type JsonObject, jsonObject } from '../../json/value.js';
import { QbmError } from '../../qbm/errors.js';
import type { Storage } from '../../storage/storage.js';
import { rawOptions } from '../drivers/raw.js';
import type { Node } from '../node.js';
import type { StoredBitmap } from './stored-bitmap.js';

/** A node, and as what it is used, for messages. */
export type Part = readonly [node: Node, role: string];

/** A piece of a file, or of a node that stands on none. */
interface Piece {
  readonly of: string;
  readonly start: number;
  readonly end: number;
}

/** @throws QbmError QBM-E-FILE-TWICE */
export function checkPartsAreApart(storage: Storage, parts: readonly Part[]): void {
  const met: (readonly [Piece, string])[] = [];
  for (const [node, second] of parts) {
    const own = [...piecesOf(storage, node)];
    for (const piece of own) {
      const other = met.find(
        ([one]) => one.of === piece.of && one.start < piece.end && piece.start < one.end,
      );
      if (other !== undefined)
        throw new QbmError('QBM-E-FILE-TWICE', { file: node.filename, first: other[1], second });
    }
    met.push(...own.map((piece) => [piece, second] as const));
  }
}

function* piecesOf(storage: Storage, node: Node): Generator<Piece> {
  const { driver, children } = node;
  if (driver.name === 'file') yield whole(`file ${storage.identity(driver.filename())}`);
  else if (children.length === 0) yield whole(`node ${node.name}`);
  const { offset = 0, size = Number.POSITIVE_INFINITY } =
    driver.name === 'raw' ? rawOptions(node.openedWith.specific) : {};
  for (const { child } of children) {
    for (const { of, start, end } of piecesOf(storage, child))
      yield { of, start: start + offset, end: Math.min(end, start + offset + size) };
  }
}

/** A file grows, and so does what stands on it. */
function whole(of: string): Piece {
  return { of, start: 0, end: Number.POSITIVE_INFINITY };
}

/** The options of blockdev-add that make the image of these again. */
export function describedParts(parts: {
  readonly image: Node;
  readonly stored: readonly StoredBitmap[];
  readonly allocation: StoredBitmap | null;
  readonly backing: Node | null;
}): JsonObject {
  const shown = jsonObject({ driver: 'qbm', image: parts.image.shownOptions });
  const bitmaps = parts.stored.map((one) =>
    one.bitmap.recording ? described(one) : jsonObject({ ...described(one), recording: false }),
  );
  if (parts.allocation !== null)
    bitmaps.push(jsonObject({ ...described(parts.allocation), type: 'allocation' }));
  if (bitmaps.length > 0) shown.bitmaps = bitmaps;
  if (parts.backing !== null) shown.backing = parts.backing.shownOptions;
  return shown;
}

function described({ bitmap, file }: StoredBitmap): JsonObject {
  const { name, granularity } = bitmap;
  return jsonObject({ name: name!, file: file.node.shownOptions, granularity });
}
