/**
 * Reads a descriptor: bytes to text to JSON to what it means, refusing at the first fault with its place. Nothing is
 * opened here. FORMAT.md, QBM-002 to QBM-018.
 */
import { JsonSyntaxError, readJson } from '../json/read.js';
import { type Descriptor, descriptor, type ImageRef, type InUse, type Trust } from './descriptor.js';
import { QbmError } from './errors.js';
import { CHECKSUM, CHECKSUM_PATTERN, IN_USE } from './extensions.js';
import { MAX_BITMAPS, MAX_DESCRIPTOR_BYTES, MAX_NESTING, MAX_WRITER_BYTES } from './limits.js';
import { baseName, temporaryName } from './names.js';
import { type Located, lineAndColumn, locate } from './positions.js';
import { readBitmap } from './read-bitmap.js';
import { bytesOf, faultOfReference } from './reference.js';
import { Dictionary, Source, shortened } from './source.js';

/** Formats that a stranger's descriptor may name: none of them names further files that this reader does not check. */
export const STRANGERS_FORMATS: ReadonlySet<string> = new Set(['raw', 'qbm']);

export interface ReadOptions {
  /** whether the caller vouches for the descriptor; QBM-040 */
  readonly trust: Trust;
  /** name of the descriptor: for messages, and to notice a descriptor that names itself */
  readonly file: string;
  /** the formats that are allowed; default: `raw` and `qbm` from a stranger, any from a local caller */
  readonly formats?: ReadonlySet<string> | undefined;
}

/** @throws QbmError with the place of the first fault */
export function readDescriptor(content: string | Uint8Array, options: ReadOptions): Descriptor {
  const text = textOf(content, options.file);
  const source = new Source(options.file, text);
  const root = locate(text, strictJson(text, options.file));
  // QBM-006
  const members = root.members ?? [];
  if (members.length !== 1 || members[0]!.name !== 'QBM')
    source.fail('QBM-E-NOT-QBM', {}, members.find(({ name }) => name !== 'QBM')?.nameAt ?? root.at);
  const top = new Dictionary(source, 'QBM', 'the descriptor', members[0]!.value);
  readVersion(top);
  // QBM-017
  const own = baseName(options.file);
  source.used.set(own, 'the descriptor').set(temporaryName(own), 'the next descriptor');
  const image = readImage(new Dictionary(source, 'image', 'the data image', top.required('image')), options);
  const bitmaps = readBitmaps(source, top.required('bitmaps'), options);
  return descriptor(image, bitmaps, { inUse: readInUse(top), extensions: top.rest() });
}

/** Whether the first bytes of a file look like a descriptor: white space, `{`, `"QBM"`, `:`. QBM-006 */
export function looksLikeQbm(start: Uint8Array): boolean {
  const text = Array.from(start.subarray(0, 4096), (byte) => String.fromCharCode(byte)).join('');
  return /^[ \t\n\r]*\{[ \t\n\r]*"QBM"[ \t\n\r]*:/.test(text);
}

/** QBM-003, QBM-004 */
function textOf(content: string | Uint8Array, file: string): string {
  const size = typeof content === 'string' ? bytesOf(content) : content.length;
  if (size > MAX_DESCRIPTOR_BYTES) throw tooLong(size, file);
  if (typeof content === 'string') return content;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content);
  } catch {
    // Streaming leaves out a character of which only the beginning is there.
    const whole = content.subarray(0, malformedAt(content));
    const good = new TextDecoder('utf-8', { ignoreBOM: true }).decode(whole, { stream: true });
    throw new QbmError('QBM-E-ENCODING', {}, { file, ...lineAndColumn(good, good.length) });
  }
}

/** The refusal of a descriptor that is too long to be read. QBM-003 */
export function tooLong(size: number, file: string): QbmError {
  return new QbmError('QBM-E-TOO-LONG', { size, limit: MAX_DESCRIPTOR_BYTES }, { file, line: 1, column: 1 });
}

/** How many bytes from the start can begin a text in UTF-8, an unfinished character at their end included. */
function malformedAt(content: Uint8Array): number {
  const fits = (length: number): boolean => {
    try {
      new TextDecoder('utf-8', { fatal: true }).decode(content.subarray(0, length), { stream: true });
      return true;
    } catch {
      return false;
    }
  };
  // A prefix of a good text is good, so halving finds the first bad byte.
  let [good, bad] = [0, content.length];
  if (fits(bad)) return bad; // it ends in the middle of a character
  while (bad - good > 1) {
    const middle = Math.floor((good + bad) / 2);
    if (fits(middle)) good = middle;
    else bad = middle;
  }
  return good;
}

/** QBM-004, QBM-005 */
function strictJson(text: string, file: string): ReturnType<typeof readJson> {
  try {
    return readJson(text, { depth: MAX_NESTING });
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    const problem = error.message.replace(/^line \d+, column \d+: /, '');
    throw new QbmError('QBM-E-JSON', { problem }, { file, line: error.line, column: error.column });
  }
}

/** QBM-007: before any other member, for another version may have others. */
function readVersion(top: Dictionary): void {
  const { value, at } = top.integer('version');
  if (value !== 1) top.source.fail('QBM-E-VERSION', { version: shortened(String(value)) }, at);
}

/** QBM-014, QBM-015 */
function readImage(from: Dictionary, options: ReadOptions): ImageRef {
  const file = readFile(from, options.trust);
  const { value: format, at } = from.string('format');
  const allowed = options.formats ?? (options.trust === 'stranger' ? STRANGERS_FORMATS : null);
  const fail = (problem: string): never =>
    from.source.fail('QBM-E-FORMAT', { format: shortened(format), problem }, at);
  if (!/^[a-z0-9][a-z0-9-]{0,62}$/.test(format)) fail('a format is 1 to 63 characters of a-z, 0-9 and "-"');
  if (allowed !== null && !allowed.has(format))
    fail(`the formats allowed here are ${[...allowed].join(', ')}`);
  return { file, format, checksum: readChecksum(from), extensions: from.rest() };
}

/** QBM-016; QBM-017 as far as the names tell, a storage may know more: files.ts */
function readFile(from: Dictionary, trust: Trust): string {
  const { value, at } = from.string('file');
  const fault = faultOfReference(value, trust);
  if (fault !== null) from.source.fail(fault.id, { file: shortened(value), problem: fault.problem }, at);
  const first = from.source.used.get(value);
  if (first !== undefined)
    from.source.fail('QBM-E-FILE-TWICE', { file: shortened(value), first, second: from.where }, at);
  from.source.used.set(value, from.where);
  return value;
}

/** QBM-030 */
function readChecksum(from: Dictionary): string | null {
  const found = from.optional(CHECKSUM);
  if (found === null) return null;
  if (typeof found.value !== 'string') from.source.wrongType(CHECKSUM, 'a string', found);
  if (!CHECKSUM_PATTERN.test(found.value)) {
    const problem = 'must be "sha256:" and 64 lower-case hexadecimal digits';
    from.source.fail('QBM-E-EXTENSION', { key: CHECKSUM, problem }, found.at);
  }
  return found.value;
}

/** QBM-008, QBM-013, QBM-018 */
function readBitmaps(source: Source, found: Located, options: ReadOptions): ReturnType<typeof readBitmap>[] {
  if (found.members === null) source.wrongType('bitmaps', 'an object', found);
  const count = found.members.length;
  if (count > MAX_BITMAPS) source.fail('QBM-E-TOO-MANY', { count, limit: MAX_BITMAPS }, found.at);
  const bitmaps = found.members.map((member) =>
    readBitmap(source, member, {
      file: (from) => readFile(from, options.trust),
      checksum: readChecksum,
      image: (from) => readImage(from, options),
    }),
  );
  let first: string | null = null;
  for (const [index, { name, type }] of bitmaps.entries()) {
    if (type !== 'allocation') continue;
    if (first !== null) source.fail('QBM-E-ALLOCATION', { name, first }, found.members[index]!.nameAt);
    first = name;
  }
  return bitmaps;
}

/** QBM-027 */
function readInUse(top: Dictionary): InUse | null {
  const found = top.optional(IN_USE);
  if (found === null) return null;
  const from = new Dictionary(top.source, IN_USE, `"${IN_USE}"`, found);
  const { value: policy, at } = from.string('policy');
  if (policy !== 'writeback' && policy !== 'writethrough') {
    const problem = 'must have the policy "writeback" or "writethrough"';
    top.source.fail('QBM-E-EXTENSION', { key: IN_USE, problem }, at);
  }
  const writer = from.string('writer');
  if (bytesOf(writer.value) > MAX_WRITER_BYTES) {
    const problem = `must have a writer of at most ${MAX_WRITER_BYTES} bytes`;
    top.source.fail('QBM-E-EXTENSION', { key: IN_USE, problem }, writer.at);
  }
  // The marker goes away when the image is closed: an extension inside it could not be kept.
  for (const key of from.rest().keys())
    top.source.fail('QBM-E-KEY', { key, where: from.where, hint: '' }, from.at);
  return { policy, writer: writer.value };
}
