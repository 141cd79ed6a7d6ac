/** Reads one entry of `bitmaps`. FORMAT.md, QBM-018 to QBM-022, QBM-028 and QBM-029. */

import { isGranularity } from '../bitmap/granularity.js';
import { MAX_NAME_BYTES } from '../bitmap/name.js';
import type { BitmapEntry, ImageRef } from './descriptor.js';
import { INCONSISTENT, RECORDING } from './extensions.js';
import type { LocatedMember } from './positions.js';
import { bytesOf, CONTROL } from './reference.js';
import { Dictionary, type Source, shortened } from './source.js';

/** How the members are read that other parts of a descriptor have, too. */
export interface CommonReaders {
  file(from: Dictionary): string;
  checksum(from: Dictionary): string | null;
  image(from: Dictionary): ImageRef;
}

/** @throws QbmError */
export function readBitmap(source: Source, member: LocatedMember, read: CommonReaders): BitmapEntry {
  const { name } = member;
  const problem = faultOfName(name);
  if (problem !== null) source.fail('QBM-E-NAME', { name: shortened(name), problem }, member.nameAt);
  const from = new Dictionary(source, shortened(name), `bitmap "${shortened(name)}"`, member.value);
  const file = read.file(from);
  const granularityBytes = readGranularity(from);
  const type = readType(from);
  const backing = from.optional('backing');
  // QBM-022
  if (backing !== null && type === 'dirty')
    source.fail('QBM-E-BACKING', { name: shortened(name) }, backing.at);
  const recording = dirtyOnly(from, RECORDING, type, true);
  const inconsistent = dirtyOnly(from, INCONSISTENT, type, false);
  return {
    name,
    file,
    granularityBytes,
    type,
    backing:
      backing === null ? null : read.image(new Dictionary(source, 'backing', 'the backing file', backing)),
    recording,
    inconsistent,
    checksum: read.checksum(from),
    extensions: from.rest(),
  };
}

/** What is wrong with `name` as the name of a stored bitmap, or null. QBM-018 */
export function faultOfName(name: string): string | null {
  if (name === '') return 'a name is at least one byte long';
  if (bytesOf(name) > MAX_NAME_BYTES) return `a name is at most ${MAX_NAME_BYTES} bytes long`;
  if (CONTROL.test(name)) return 'a name has no control characters';
  // A lone surrogate has no UTF-8. A reader never sees one; a writer may be given one.
  return /\p{Surrogate}/u.test(name) ? 'a name has no lone surrogates' : null;
}

/** QBM-019 */
function readGranularity(from: Dictionary): number {
  const { value, at } = from.integer('granularity-bytes');
  if (typeof value === 'number' && isGranularity(value)) return value;
  return from.source.fail('QBM-E-GRANULARITY', { granularity: shortened(String(value)) }, at);
}

/** QBM-020 */
function readType(from: Dictionary): 'dirty' | 'allocation' {
  const { value, at } = from.string('type');
  if (value === 'dirty' || value === 'allocation') return value;
  return from.source.fail('QBM-E-BITMAP-TYPE', { type: shortened(value) }, at);
}

/** QBM-028, QBM-029: true or false, and said of a dirty bitmap only */
function dirtyOnly(from: Dictionary, key: string, type: string, absent: boolean): boolean {
  const { value, at } = from.boolean(key, absent);
  if (type !== 'dirty' && value !== absent)
    from.source.fail('QBM-E-EXTENSION', { key, problem: 'is for bitmaps of type "dirty"' }, at);
  return value;
}
