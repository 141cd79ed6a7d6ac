/** What bitmap commands are refused with beyond the bitmap part's own errors: who cannot be found, and who is there. */
import { defineError } from './errors.js';

export const nodeNotFound = defineError('REF-E-NODE-NOT-FOUND', 'GenericError', "Node '{node}' not found");
export const bitmapNotFound = defineError(
  'BMP-E-NOT-FOUND',
  'GenericError',
  "Dirty bitmap '{name}' not found",
);
export const bitmapExists = defineError('BMP-E-EXISTS', 'GenericError', 'Bitmap already exists: {name}');
export const notPersistable = defineError(
  'BMP-E-PERSISTENT',
  'GenericError',
  "Can't store persistent bitmaps to {node}: Operation not supported",
);

export const BITMAP_COMMAND_ERRORS = [nodeNotFound, bitmapNotFound, bitmapExists, notPersistable] as const;
