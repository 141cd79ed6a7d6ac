/** What a bitmap may be called. BITMAPS.md, BMP-002. */
import { BitmapError } from './errors.js';

/** Bytes of UTF-8. */
export const MAX_NAME_BYTES = 1023;

/** The name must not be empty; checked before the node is looked up. @throws BitmapError BMP-E-NAME-EMPTY */
export function checkNameGiven(name: string): void {
  // BMP-002
  if (name === '') throw new BitmapError('BMP-E-NAME-EMPTY');
}

/** The name must fit; checked last. @throws BitmapError BMP-E-NAME-LONG */
export function checkNameLength(name: string): void {
  // BMP-002
  if (new TextEncoder().encode(name).length > MAX_NAME_BYTES)
    throw new BitmapError('BMP-E-NAME-LONG', { name });
}
