/**
 * The errors of the format, each with an id that never changes. FORMAT.md has the same table. What is wrong inside a
 * descriptor carries the place of the offending key or value.
 */
import { Refusal, type RefusalArgs } from '../refusal.js';

/** Text templates by id; {placeholders} are filled from the arguments of the error. */
export const QBM_ERRORS = {
  'QBM-E-TOO-LONG': 'a descriptor of {size} bytes is too long: at most {limit} are allowed',
  'QBM-E-ENCODING': 'not UTF-8: save the descriptor as UTF-8',
  'QBM-E-JSON': 'not strict JSON: {problem}',
  'QBM-E-NOT-QBM': 'no QBM descriptor: it must be an object with the single member "QBM"',
  'QBM-E-VERSION': 'version {version} is not supported: this is a reader of version 1',
  'QBM-E-MISSING': '{where} lacks the member "{key}"',
  'QBM-E-TYPE': '"{key}" must be {expected}, not {found}',
  'QBM-E-KEY': 'unknown key "{key}" in {where}{hint}',
  'QBM-E-EXT-HARD': '"{key}" is a hard extension that this reader does not understand: it must not go on',
  'QBM-E-EXTENSION': '"{key}" {problem}',
  'QBM-E-FORMAT': 'format "{format}": {problem}',
  'QBM-E-FILE': 'file "{file}": {problem}',
  'QBM-E-TRUST': 'file "{file}": {problem}; only a caller who trusts the descriptor may open it',
  'QBM-E-FILE-TWICE': 'file "{file}" is used twice: as {first} and as {second}',
  'QBM-E-LOOP': '"{file}" is reached from itself, as {role}',
  'QBM-E-LEVELS': 'more than {limit} descriptors inside each other at "{file}"',
  'QBM-E-NAME': 'bitmap name "{name}": {problem}',
  'QBM-E-BITMAP-TYPE': 'type "{type}" is unknown: it must be "dirty" or "allocation"',
  'QBM-E-GRANULARITY': 'granularity-bytes {granularity}: it must be a power of two from 512 to 2147483648',
  'QBM-E-ALLOCATION': 'bitmap "{name}" is the second of type "allocation", after "{first}": one is allowed',
  'QBM-E-BACKING': 'bitmap "{name}" is of type "dirty" and cannot have "backing"',
  'QBM-E-TOO-MANY': '{count} bitmaps are too many: at most {limit} are allowed',
  'QBM-E-NO-FILE': '{role}: there is no file "{file}"',
  'QBM-E-NOT-REGULAR': '{role}: "{file}" is a {kind}, not a regular file',
  'QBM-E-STORAGE': '{role}: "{file}": {errno}',
  'QBM-E-LOCKED': '"{file}" is in use by another writer or reader',
  'QBM-E-EXISTS': '"{file}" exists already',
  'QBM-E-IMAGE-SIZE': 'a data image of {size} bytes is too large: at most {limit} are allowed',
  'QBM-E-BITS':
    'bitmap "{name}" would have {bits} bits, at most {limit} are allowed: use a larger granularity',
  'QBM-E-BITMAP-SIZE': 'bitmap "{name}": file "{file}" has {found} bytes, its geometry needs {expected}',
  'QBM-E-TAIL': 'bitmap "{name}": file "{file}" has a bit set after the last granule, {last}',
  'QBM-E-CHECKSUM': '{role}: the content of "{file}" is not that of its checksum',
} as const;

export type QbmErrorId = keyof typeof QBM_ERRORS;

/** A place in a descriptor: line and column count from 1, columns in UTF-16 code units. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** A refusal by a rule of FORMAT.md. */
export class QbmError extends Refusal {
  override readonly id: QbmErrorId;
  /** in the descriptor, if the fault is there */
  readonly place: Place | null;

  constructor(id: QbmErrorId, args: RefusalArgs = {}, place: Place | null = null) {
    super(id, (place === null ? '' : '{at}') + QBM_ERRORS[id], {
      ...args,
      at: place === null ? '' : `${place.file}:${place.line}:${place.column}: `,
    });
    this.name = 'QbmError';
    this.id = id;
    this.place = place;
  }
}
