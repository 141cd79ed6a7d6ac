/** Which states of a bitmap keep an operation from using it. BITMAPS.md, BMP-011 to BMP-014. */
import type { DirtyBitmap } from './dirty-bitmap.js';
import { BitmapError } from './errors.js';

/** The states that an operation refuses; `false` means that it takes a bitmap in that state. */
export interface Refused {
  readonly busy: boolean;
  readonly readonly: boolean;
  readonly inconsistent: boolean;
}

/** clear, and the target of a merge: the content is changed. */
export const CHANGE: Refused = { busy: true, readonly: true, inconsistent: true };
/** enable, disable, and the sources of a merge: the content is kept. QEMU calls it "allow ro". */
export const KEEP: Refused = { busy: true, readonly: false, inconsistent: true };
/** remove: what is inside does not matter. */
export const REMOVE: Refused = { busy: true, readonly: true, inconsistent: false };
/** A successor may be created whatever is inside. */
export const FREEZE: Refused = { busy: true, readonly: false, inconsistent: false };

/**
 * Returns if `bitmap` may be used for what `refused` belongs to.
 * @throws BitmapError BMP-E-BUSY, BMP-E-READONLY or BMP-E-INCONSISTENT: the first that holds, in this order
 */
export function bitmapUsable(bitmap: DirtyBitmap, refused: Refused): void {
  const name = bitmap.name ?? '';
  // BMP-011, BMP-012, BMP-013; the order is BMP-014
  if (refused.busy && bitmap.busy) throw new BitmapError('BMP-E-BUSY', { name });
  if (refused.readonly && bitmap.readonly) throw new BitmapError('BMP-E-READONLY', { name });
  if (refused.inconsistent && bitmap.inconsistent) throw new BitmapError('BMP-E-INCONSISTENT', { name });
}
