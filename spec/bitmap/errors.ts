/**
 * The errors of the bitmap part, each with an id that never changes. BITMAPS.md has the same table; the texts are
 * those of QEMU 7.2 where QEMU has the error.
 */
import { Refusal, type RefusalArgs } from '../refusal.js';

/** Text templates by id; {placeholders} are filled from the arguments of the error. */
export const BITMAP_ERRORS = {
  'BMP-E-NAME-EMPTY': 'Bitmap name cannot be empty',
  'BMP-E-NAME-LONG': 'Bitmap name too long: {name}',
  'BMP-E-GRANULARITY': 'Granularity must be power of 2 and at least 512',
  'BMP-E-BUSY': "Bitmap '{name}' is currently in use by another operation and cannot be used",
  'BMP-E-READONLY': "Bitmap '{name}' is readonly and cannot be modified",
  'BMP-E-INCONSISTENT': "Bitmap '{name}' is inconsistent and cannot be used",
  'BMP-E-SIZE':
    "Bitmaps are of different sizes (destination size is {target}, source size is {source}) and can't be merged",
  'BMP-E-SUCCESSOR': 'Cannot create a successor for a bitmap that already has one',
  'BMP-E-ABDICATE': "Cannot relinquish control if there's no successor present",
  'BMP-E-RECLAIM': 'Cannot reclaim a successor when none is present',
  'BMP-E-TOO-LARGE': 'A bitmap of {bits} bits is too large: use a larger granularity (at most {limit} bits)',
  'BMP-E-CONTENT-LENGTH': 'Serialised bitmap has {found} bytes, its geometry needs {expected}',
  'BMP-E-CONTENT-TAIL': 'Serialised bitmap has a bit set beyond the last granule, {last}',
} as const;

export type BitmapErrorId = keyof typeof BITMAP_ERRORS;

/** A refusal by a rule of BITMAPS.md. */
export class BitmapError extends Refusal {
  constructor(id: BitmapErrorId, args: RefusalArgs = {}) {
    super(id, BITMAP_ERRORS[id], args);
    this.name = 'BitmapError';
  }
}
