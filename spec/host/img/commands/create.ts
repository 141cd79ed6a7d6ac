/** `create`: a new image, raw or qbm. IMG-001 */
import type { Node } from '../../../block/node.js';
import { type Json, type JsonObject, jsonObject } from '../../../json/value.js';
import { createImage } from '../../../qbm/create.js';
import { imageRef, references } from '../../../qbm/descriptor.js';
import { QbmError } from '../../../qbm/errors.js';
import { dataFileName, partsOfBitmapFile, prefixOf } from '../../../qbm/names.js';
import { looksLikeQbm, readDescriptor } from '../../../qbm/read-descriptor.js';
import { removeIfPossible } from '../../../qbm/update.js';
import { reasonOf as errnoText } from '../../../storage/reason.js';
import { type Storage, StorageError, type StorageFile } from '../../../storage/storage.js';
import { notASize, parsePairs } from '../../keyval.js';
import { openImage } from '../../open-image.js';
import { sizeOf } from '../../size.js';
import { usage } from '../arguments.js';
import { type Options, optionsOf, sizeArgument } from '../common.js';
import { type Context, ImgError, reasonOf } from '../context.js';

const SPEC = { short: 'F:b:f:ho:qu', long: ['help=h', 'object:'] };

type Kind = 'size' | 'text' | 'switch';

/** The options of each format, with what `-o help` says of them, in the order in which they are shown. */
const FORMAT_OPTIONS: { readonly [format: string]: Readonly<Record<string, readonly [Kind, string]>> } = {
  raw: {
    size: ['size', 'Virtual disk size'],
    preallocation: ['text', 'Preallocation mode (allowed values: off, full)'],
  },
  qbm: {
    size: ['size', 'Virtual disk size'],
    backing_file: ['text', 'File name of a base image'],
    backing_fmt: ['text', 'Image format of the base image'],
    cluster_size: ['size', 'Bytes of the disk for each bit of the allocation bitmap'],
    allocation: ['switch', 'Keep an allocation bitmap (default on)'],
    data_file: ['text', 'File name of the data image'],
    data_file_keep: ['switch', 'The data image is there and stays as it is (implies allocation=off)'],
    trusted: ['switch', 'Whether the base image may name files anywhere'],
  },
};

/** What an image is made from; all as the caller gave it. */
export interface NewOptions {
  readonly format: string;
  readonly values: JsonObject;
}

export function create(context: Context, argv: readonly string[]): number {
  const options = optionsOf(argv, SPEC);
  context.isQuiet = options.has('q');
  const format = options.value('f') ?? 'raw';
  const [name, size, ...more] = options.rest;
  const texts = options.all('o');
  if (texts.some(asksHelp)) return printOptions(context, format);
  if (name === undefined) throw usage('Expecting image file name');
  const bytes = size === undefined ? undefined : sizeArgument(size, 'image size');
  if (more.length > 0) throw usage(`Unexpected argument: ${more[0]}`);
  try {
    const values = formatOptions(format, texts);
    takeBacking(values, format, options);
    if (bytes !== undefined) {
      if (values.size !== undefined) throw new ImgError('The image size must be specified only once');
      values.size = bytes;
    }
    createNew(context, name, { format, values }, { isUnsafe: options.has('u') });
  } catch (error) {
    throw new ImgError(`${name}: ${error instanceof ImgError ? error.message : reasonOf(error)}`);
  }
  return 0;
}

export function asksHelp(text: string): boolean {
  return text.split(',').some((part) => part === 'help' || part === '?');
}

export function printOptions(context: Context, format: string): number {
  const known = FORMAT_OPTIONS[format];
  if (known === undefined) throw new ImgError(`Unknown file format '${format}'`);
  const kinds: { readonly [kind in Kind]: string } = { size: 'size', text: 'str', switch: 'bool (on/off)' };
  const lines = Object.entries(known).map(
    ([name, [kind, text]]) => `  ${`${name}=<${kinds[kind]}>`.padEnd(22)} - ${text}`,
  );
  context.print(`Supported ${format} options:\n${lines.join('\n')}`);
  return 0;
}

/** `-o` of a format, checked. @throws ImgError */
export function formatOptions(format: string, texts: readonly string[]): JsonObject {
  const known = FORMAT_OPTIONS[format];
  if (known === undefined) throw new ImgError(`Unknown file format '${format}'`);
  const values = jsonObject();
  for (const text of texts) {
    for (const [name, value] of parsePairs(text)) {
      const option = Object.hasOwn(known, name) ? known[name] : undefined;
      if (option === undefined) throw new ImgError(`Invalid parameter '${name}'`);
      values[name] = typed(name, value ?? 'on', option[0], format);
    }
  }
  return values;
}

function typed(name: string, text: string, kind: Kind, format: string): Json {
  if (kind === 'text') return text;
  if (kind === 'switch') {
    if (text === 'on' || text === 'off') return text === 'on';
    throw new ImgError(`Parameter '${name}' expects 'on' or 'off'`);
  }
  const size = sizeOf(text);
  if (typeof size === 'string') throw new ImgError(notASize(name, text, size));
  if (typeof size === 'bigint') throw tooLarge(format);
  return size;
}

function takeBacking(values: JsonObject, format: string, options: Options): void {
  for (const [letter, name, what] of [
    ['b', 'backing_file', 'file'],
    ['F', 'backing_fmt', 'format'],
  ] as const) {
    const given = options.value(letter);
    if (given === undefined) continue;
    if (FORMAT_OPTIONS[format]![name] === undefined)
      throw new ImgError(`Backing ${what} not supported for file format '${format}'`);
    values[name] = given;
  }
}

/**
 * Makes the image and says so. Where its size is not given it is that of the backing file.
 * @param how `isUnsafe`: the backing file is not looked at; `taken`: files that must stay as they are
 * @throws ImgError, Refusal, StorageError
 */
export function createNew(
  context: Context,
  name: string,
  { format, values }: NewOptions,
  how: { readonly isUnsafe: boolean; readonly isSilent?: boolean; readonly taken?: readonly string[] },
): void {
  const protocol = /^([^/:]*):/.exec(name)?.[1];
  if (protocol !== undefined && protocol !== 'file') throw new ImgError(`Unknown protocol '${protocol}'`);
  checkBacking(context, name, values, how.isUnsafe);
  if (values.data_file_keep === true && values.size === undefined)
    values.size = sizeOfData(context, name, values);
  if (values.size === undefined) throw new ImgError('Image creation needs a size parameter');
  if (!how.isSilent) context.say(formatting(name, format, values));
  const path = name.startsWith('file:') ? name.slice('file:'.length) : name;
  const { storage } = context.world;
  const backing = values.backing_file as string | undefined;
  const below = backing === undefined ? null : storage.resolve(name, backing);
  // A backing file that is not looked at need not be there, but what it has stays, too.
  const kept = below === null || storage.kind(below) === null ? [] : [below];
  const taken = new Set([...(how.taken ?? []), ...kept].map((file) => storage.identity(file)));
  if (format === 'raw') createRaw(context, path, values, taken);
  else createQbm(context, path, values, taken);
  if (format !== 'qbm') return;
  for (const file of [values.backing_file, values.data_file])
    if (typeof file === 'string') warnOfTrust(context, name, file);
}

/** QBM-040: who makes an image that names such a file should learn before others do what that means. */
export function warnOfTrust(context: Context, name: string, file: string): void {
  if (!file.startsWith('/')) return;
  context.complain(
    `warning: '${name}' has the absolute name '${file}' in it, so it is opened only for a caller who trusts it: ` +
      `--image-opts driver=qbm,trusted=on,file.filename=${name}`,
  );
}

function checkBacking(context: Context, name: string, values: JsonObject, isUnsafe: boolean): void {
  const { backing_file: backing, backing_fmt: format } = values;
  if (backing === undefined) return;
  if (backing === '') throw new ImgError('Expected backing file name, got empty string');
  if (backing === name)
    throw new ImgError('Error: Trying to create an image with the same filename as the backing file');
  const { storage } = context.world;
  const path = storage.resolve(name, backing as string);
  if (isUnsafe) {
    if (format === undefined) throw new ImgError('Backing file specified without backing format');
    return;
  }
  const isQbm = format === 'qbm' || format === undefined;
  const options = values.trusted === true && isQbm ? jsonObject({ trusted: true }) : jsonObject();
  try {
    // Only looked at: it may be in use.
    const node = openImage(context.machine, path, {
      format: format as string | undefined,
      options,
      forceShare: true,
    });
    values.size ??= node.size;
    const { name: probed } = node.driver;
    context.close(node);
    if (format === undefined)
      throw new ImgError(`Backing file specified without backing format\nDetected format of ${probed}.`);
  } catch (error) {
    if (error instanceof ImgError) throw error;
    throw new ImgError(`${reasonOf(error)}\nCould not open backing image.`);
  }
}

function sizeOfData(context: Context, name: string, { data_file: file }: JsonObject): number {
  if (file === undefined)
    throw new ImgError("'data_file_keep' needs 'data_file', which names the data image");
  const node = openImage(context.machine, context.world.storage.resolve(name, file as string), {
    format: 'raw',
  });
  try {
    return node.driver.length();
  } finally {
    context.close(node);
  }
}

/** What is said of it: the size, and whatever was asked for. */
function formatting(name: string, format: string, values: JsonObject): string {
  const shown = Object.keys(FORMAT_OPTIONS[format]!)
    .filter((key) => values[key] !== undefined)
    .map((key) => `${key}=${onOff(values[key]!)}`);
  return `Formatting '${name}', fmt=${format} ${shown.join(' ')}`;
}

function onOff(value: Json): string {
  return typeof value === 'boolean' ? (value ? 'on' : 'off') : String(value);
}

function createRaw(
  { world: { storage } }: Context,
  name: string,
  values: JsonObject,
  taken: ReadonlySet<string>,
): void {
  const { preallocation = 'off' } = values;
  if (preallocation !== 'off' && preallocation !== 'full')
    throw new ImgError(`invalid parameter value: ${preallocation}`);
  const size = Math.ceil((values.size as number) / 512) * 512;
  try {
    const isThere = storage.kind(name) !== null;
    if (isThere && taken.has(storage.identity(name))) throw locked(name);
    const file = isThere ? storage.open(name, { write: true, lock: 'exclusive' }) : storage.create(name);
    try {
      empty(file, name);
      file.truncate(size);
      const zeros = new Uint8Array(Math.min(size, 2 ** 20));
      if (preallocation === 'full')
        for (let at = 0; at < size; at += zeros.length) file.write(at, zeros.subarray(0, size - at));
    } catch (error) {
      if (!isThere) removeIfPossible(storage, name);
      throw error;
    } finally {
      file.close();
    }
  } catch (error) {
    throw notCreated(name, 'raw', error);
  }
}

/** @throws ImgError if somebody does not let others change its size */
function empty(file: StorageFile, name: string): void {
  try {
    file.truncate(0);
  } catch (error) {
    throw error instanceof StorageError && error.errno === 'EAGAIN' ? locked(name, 'resize') : error;
  }
}

function tooLarge(format: string): ImgError {
  const hint = FORMAT_OPTIONS[format]?.cluster_size === undefined ? '' : ' (try using a larger cluster size)';
  return new ImgError(`The image size is too large for file format '${format}'${hint}`);
}

function notCreated(name: string, format: string, error: unknown): unknown {
  if (!(error instanceof StorageError)) return error;
  if (error.errno === 'EAGAIN') return locked(name);
  if (error.errno === 'EFBIG') return tooLarge(format);
  return new ImgError(`Could not create '${name}': ${errnoText(error.errno)}`);
}

/** Another program uses the file, and does not let others do this with it. */
export function locked(name: string, permission = 'write'): ImgError {
  return new ImgError(`Failed to get "${permission}" lock\nIs another process using the image [${name}]?`);
}

function createQbm(context: Context, name: string, values: JsonObject, taken: ReadonlySet<string>): void {
  const { storage, makeHash } = context.world;
  const keep = values.data_file_keep === true;
  const backing = values.backing_file as string | undefined;
  if (keep && (backing !== undefined || values.allocation === true)) {
    throw new ImgError(
      "'data_file_keep' goes without allocation bitmap and backing file, which would hide its content",
    );
  }
  if (backing !== undefined && values.allocation === false)
    throw new ImgError('A backing file needs an allocation bitmap: allocation=off cannot be given with it');
  const clusterSize = (values.cluster_size as number | undefined) ?? 65536;
  if (!isClusterSize(clusterSize))
    throw new ImgError('Cluster size must be a power of two between 512 and 2097152k');
  if (backing === undefined && values.backing_fmt !== undefined)
    throw new ImgError('Backing format cannot be used without backing file');
  const stored = backing === undefined ? null : storedName(storage, name, backing);
  const dataFile = values.data_file as string | undefined;
  try {
    removePrevious(storage, name, dataFile, taken);
    createImage(storage, name, {
      size: keep ? (values.size as number) : Math.ceil((values.size as number) / 512) * 512,
      backing: stored === null ? null : imageRef(stored, values.backing_fmt as string),
      allocation: values.allocation !== false && !keep,
      clusterSize,
      ...(dataFile === undefined ? {} : { dataFile: storedName(storage, name, dataFile) }),
      isDataThere: keep,
      makeHash,
    });
  } catch (error) {
    throw notCreated(name, 'qbm', error);
  }
}

function isClusterSize(size: number): boolean {
  return size >= 512 && size <= 2 ** 31 && Number.isInteger(Math.log2(size));
}

/** A name below the directory of the descriptor is stored as a relative one: so a stranger's image may name it. QBM-040 */
export function storedName(storage: Storage, descriptor: string, name: string): string {
  if (!name.startsWith('/')) return name;
  for (const path of [descriptor, storage.identity(descriptor)]) {
    const directory = path.slice(0, path.lastIndexOf('/') + 1);
    if (directory !== '' && name.startsWith(directory)) return name.slice(directory.length);
  }
  return name;
}

/**
 * What has the name goes, as everywhere when an image is created anew: with a descriptor, the files that were made along
 * with it. Never others that it names, which may be somebody else's.
 */
function removePrevious(
  storage: Storage,
  name: string,
  dataFile: string | undefined,
  taken: ReadonlySet<string>,
): void {
  const kind = storage.kind(name);
  if (kind === null) return;
  if (taken.has(storage.identity(name))) throw locked(name);
  if (kind !== 'file') throw new QbmError('QBM-E-NOT-REGULAR', { role: 'the descriptor', file: name, kind });
  const held = storage.open(name, { lock: 'exclusive' });
  let own: string[] = [];
  try {
    const start = new Uint8Array(Math.min(held.size, 4096));
    held.read(0, start);
    if (looksLikeQbm(start)) own = ownFiles(held, name).filter((file) => file !== dataFile);
    for (const file of own) {
      const path = storage.resolve(name, file);
      if (storage.kind(path) !== null && taken.has(storage.identity(path))) throw locked(path);
    }
    storage.remove(name);
    storage.flushDirectory(name);
  } finally {
    held.close();
  }
  for (const file of own) {
    const path = storage.resolve(name, file);
    if (storage.kind(path) === 'file') storage.remove(path);
  }
}

/** The names of all files that a node stands on. */
export function* filesBelow(node: Node): Generator<string> {
  if (node.driver.name === 'file') yield node.filename;
  for (const { child } of node.children) yield* filesBelow(child);
}

/** The files of a descriptor whose names were derived from its own. */
function ownFiles(
  held: { readonly size: number; read(offset: number, into: Uint8Array): void },
  name: string,
): string[] {
  const content = new Uint8Array(held.size);
  held.read(0, content);
  const isOwn = (file: string): boolean =>
    file === dataFileName(name) || partsOfBitmapFile(file)?.prefix === prefixOf(name);
  try {
    return references(readDescriptor(content, { trust: 'local', file: name }))
      .map(({ file }) => file)
      .filter(isOwn);
  } catch (error) {
    if (error instanceof QbmError) return [];
    throw error;
  }
}
