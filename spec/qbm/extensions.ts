/** The keys of the extensions that this specification defines, and of extensions at large. FORMAT.md, QBM-010 to QBM-012. */

export const HARD = 'ext-hard-';
export const SOFT = 'ext-soft-';

/** In the descriptor object: a writer has the image open. */
export const IN_USE = 'ext-hard-qbm-in-use';
/** In a dirty bitmap: its content is worth nothing. */
export const INCONSISTENT = 'ext-hard-qbm-inconsistent';
/** In a dirty bitmap: false when it is disabled. */
export const RECORDING = 'ext-soft-qbm-recording';
/** In an image or a bitmap: the SHA-256 of the file. */
export const CHECKSUM = 'ext-soft-qbm-checksum';

/** `sha256:` and 64 lower-case hexadecimal digits. */
export const CHECKSUM_PATTERN = /^sha256:[0-9a-f]{64}$/;
