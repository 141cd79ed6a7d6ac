/**
 * The names of the files that an image is made of, derived from that of its descriptor when they are created.
 * FORMAT.md, QBM-023 to QBM-026. A derived name is only a proposal: the descriptor says which file it is.
 */
import type { Sha256 } from '../bitmap/serialise.js';
import type { BitmapType } from './descriptor.js';
import { QbmError } from './errors.js';
import { MAX_COMPONENT_BYTES } from './limits.js';
import { faultOfName } from './read-bitmap.js';
import { bytesOf, faultOfReference } from './reference.js';

const TEMPORARY_END = '.new';

/** What stands after the last `/`. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Under which name the next descriptor is written before it replaces the old one, QBM-035. */
export function temporaryName(descriptorFile: string): string {
  return descriptorFile + TEMPORARY_END;
}

/** The descriptor's base name without what follows its last `.`. QBM-023 */
export function prefixOf(descriptorFile: string): string {
  const base = baseName(descriptorFile);
  const dot = base.lastIndexOf('.');
  return dot < 0 ? base : base.slice(0, dot);
}

/** The `file` of a data image that is made along with the descriptor. @throws QbmError QBM-E-FILE. QBM-023 */
export function dataFileName(descriptorFile: string): string {
  return checked(`${prefixOf(descriptorFile)}.data`);
}

/**
 * The `file` of a new bitmap. `attempt` counts from 1 and is raised while the name is taken.
 * @throws QbmError QBM-E-FILE when the descriptor's own name is too long or cannot stand in a reference. QBM-024, QBM-026
 */
export function bitmapFileName(
  descriptorFile: string,
  name: string,
  type: BitmapType,
  makeHash: () => Sha256,
  attempt = 1,
): string {
  const prefix = prefixOf(descriptorFile);
  const end = `${attempt === 1 ? '' : `~${attempt}`}.${type}.bitmap`;
  const plain = `${prefix}.${escapeName(name)}${end}`;
  if (bytesOf(plain) <= MAX_COMPONENT_BYTES) return checked(plain);
  const hash = makeHash();
  hash.update(new TextEncoder().encode(name));
  return checked(`${prefix}.%%${hash.digestHex()}${end}`);
}

/** QBM-025: a-z, 0-9, "-" and "_" stay; every other byte of UTF-8 becomes "%" and two lower-case digits. */
export function escapeName(name: string): string {
  let escaped = '';
  for (const byte of new TextEncoder().encode(name)) {
    const c = String.fromCharCode(byte);
    escaped += /[a-z0-9_-]/.test(c) ? c : `%${byte.toString(16).padStart(2, '0')}`;
  }
  return escaped;
}

/** The name that {@link escapeName} made `escaped` of, or null if it made it of none. */
export function unescapeName(escaped: string): string | null {
  if (!/^(?:[a-z0-9_-]|%[0-9a-f]{2})*$/.test(escaped)) return null;
  const bytes = [...escaped.matchAll(/%(..)|./g)].map(([c, hex]) =>
    hex === undefined ? c.charCodeAt(0) : Number.parseInt(hex, 16),
  );
  try {
    const name = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes));
    return escapeName(name) === escaped ? name : null;
  } catch {
    return null;
  }
}

/** What a derived name of a bitmap file says. */
export interface BitmapFileName {
  readonly prefix: string;
  /** null: the name was too long and a hash stands for it */
  readonly name: string | null;
  readonly type: BitmapType;
  readonly attempt: number;
}

/** The parts of a name that {@link bitmapFileName} made, or null; of an attempt from 2 to 99. QBM-026 */
export function partsOfBitmapFile(file: string): BitmapFileName | null {
  const found = /^(.*)\.([^.~]+)(?:~([2-9]|[1-9][0-9]))?\.(dirty|allocation)\.bitmap$/s.exec(file);
  if (found === null) return null;
  const [, prefix, middle, attempt, type] = found;
  const hashed = /^%%[0-9a-f]{64}$/.test(middle!);
  const name = unescapeName(middle!);
  if (name === null && !hashed) return null;
  return { prefix: prefix!, name, type: type as BitmapType, attempt: Number(attempt ?? 1) };
}

/** Whether {@link bitmapFileName} could have given `file` to a bitmap of this descriptor. QBM-042 */
export function isBitmapFileOf(descriptorFile: string, file: string, makeHash: () => Sha256): boolean {
  const parts = partsOfBitmapFile(file);
  if (parts === null || parts.prefix !== prefixOf(descriptorFile)) return false;
  const { name, type, attempt } = parts;
  // Which name a hash stands for cannot be told.
  if (name === null) return bytesOf(file) <= MAX_COMPONENT_BYTES;
  return faultOfName(name) === null && bitmapFileName(descriptorFile, name, type, makeHash, attempt) === file;
}

function checked(file: string): string {
  const fault = faultOfReference(file, 'stranger');
  if (fault === null) return file;
  throw new QbmError('QBM-E-FILE', { file, problem: `${fault.problem}; name the file explicitly` });
}
