/** The limits of the format. FORMAT.md, QBM-003, QBM-016, QBM-017, QBM-018, QBM-021, QBM-024 and QBM-027. */
import { MAX_BITS } from '../bitmap/bits.js';

/** Bytes of a descriptor. */
export const MAX_DESCRIPTOR_BYTES = 2 ** 20;
/** Arrays and objects inside each other, the outermost counted. */
export const MAX_NESTING = 32;
/** Bitmaps of an image. */
export const MAX_BITMAPS = 256;
/** Bytes of UTF-8 in a file reference. */
export const MAX_REFERENCE_BYTES = 4095;
/** Bytes of UTF-8 in one component of a path: what common file systems take. */
export const MAX_COMPONENT_BYTES = 255;
/** Descriptors inside each other, through data images and backing files; the outermost is 1. */
export const MAX_LEVELS = 64;
/** Bytes of UTF-8 in the text that names a writer. */
export const MAX_WRITER_BYTES = 1023;
/** Bytes of the data image: what a double holds exactly. */
export const MAX_IMAGE_BYTES = Number.MAX_SAFE_INTEGER;
/** Bits of a bitmap, BMP-030. */
export const MAX_BITMAP_BITS = MAX_BITS;
