/**
 * Freezing a bitmap for an operation: a successor records the writes meanwhile, and at the end it takes over
 * (abdicate) or gives back what it saw (reclaim). BITMAPS.md, BMP-015 to BMP-017.
 */
import { bitmapUsable, FREEZE } from './check.js';
import { DirtyBitmap } from './dirty-bitmap.js';
import { BitmapError } from './errors.js';
import { mergeContent } from './merge.js';

/**
 * Freezes `parent`. The caller adds the returned anonymous bitmap to the node's list.
 * @throws BitmapError BMP-E-BUSY, or BMP-E-SUCCESSOR when there is one already
 */
export function createSuccessor(parent: DirtyBitmap): DirtyBitmap {
  // BMP-015
  bitmapUsable(parent, FREEZE);
  if (parent.successor !== null) throw new BitmapError('BMP-E-SUCCESSOR');
  const { size, granularity, enabled } = parent;
  const successor = new DirtyBitmap({ name: null, size, granularity, enabled });
  parent.enabled = false;
  parent.busy = true;
  parent.successor = successor;
  return successor;
}

/**
 * The successor takes the place of `parent` and is returned; the caller removes `parent`, now anonymous, from the
 * node's list. @throws BitmapError BMP-E-ABDICATE when there is no successor
 */
export function abdicate(parent: DirtyBitmap): DirtyBitmap {
  // BMP-016
  const successor = parent.successor;
  if (successor === null) throw new BitmapError('BMP-E-ABDICATE');
  successor.name = parent.name;
  successor.persistent = parent.persistent;
  parent.name = null;
  parent.persistent = false;
  parent.busy = false;
  parent.successor = null;
  return successor;
}

/**
 * `parent` takes over what its successor saw and is in use no more. The caller removes the returned successor from
 * the node's list. @throws BitmapError BMP-E-RECLAIM when there is no successor
 */
export function reclaim(parent: DirtyBitmap): DirtyBitmap {
  // BMP-017
  const successor = parent.successor;
  if (successor === null) throw new BitmapError('BMP-E-RECLAIM');
  mergeContent(parent, successor);
  parent.enabled = successor.enabled;
  parent.busy = false;
  parent.successor = null;
  return successor;
}
