/**
 * Opens an image by what a person calls it: a file name, `json:{…}`, or options as text. What qbm img and qbm io have in
 * common. The node is held by the monitor; {@link closeImage} lets go of it.
 */
import type { Holder } from '../block/edge.js';
import { BlockError } from '../block/errors.js';
import type { Node } from '../block/node.js';
import { ALL, CONSISTENT_READ, WRITE_UNCHANGED } from '../block/permissions.js';
import { RequestError } from '../block/request-error.js';
import { JsonSyntaxError, readJson } from '../json/read.js';
import { isJsonObject, type Json, type JsonObject, jsonObject } from '../json/value.js';
import { QbmError } from '../qbm/errors.js';
import { looksLikeQbm } from '../qbm/read-descriptor.js';
import { BlockdevOptions } from '../qmp/commands/blockdev-options.js';
import { checkNotInUse } from '../qmp/drive/in-use.js';
import { QmpError } from '../qmp/errors.js';
import type { Machine } from '../qmp/machine.js';
import { openNode } from '../qmp/open/open.js';
import { parseValue } from '../qmp/validate.js';
import { Refusal } from '../refusal.js';
import { reasonOf } from '../storage/reason.js';
import { StorageError } from '../storage/storage.js';
import { nest, parsePairs, withTypes } from './keyval.js';
import { OpenImageError } from './open-error.js';

export interface OpenFlags {
  /** the format; without one it is found out by the first bytes */
  readonly format?: string | undefined;
  /** `name` is options: `driver=…,…` */
  readonly isOptions?: boolean | undefined;
  /** further options as text, which override those of a name: `driver=raw,offset=512` */
  readonly pairs?: string | undefined;
  /** default false */
  readonly write?: boolean | undefined;
  /** it is going to be opened for writing after this: what is to be said of that is said now */
  readonly isForWriting?: boolean | undefined;
  /** leaves everything to other users */
  readonly forceShare?: boolean | undefined;
  /** nobody else may write it while it is open: for one that is read as a whole. IMG-016 */
  readonly isAlone?: boolean | undefined;
  /** what is below the image is not opened */
  readonly noBacking?: boolean | undefined;
  /** any further options of blockdev-add, which those in the name override */
  readonly options?: JsonObject | undefined;
  /** told of a raw image that is written although nobody said that it is raw */
  readonly warn?: ((text: string) => void) | undefined;
}

/** Bytes of a file by which its format is found out. */
const PROBE = 4096;
/** Drivers that stand on nothing. */
const PROTOCOLS: readonly string[] = ['file', 'null-co'];
const DRIVERS = BlockdevOptions.members.find(({ name }) => name === 'driver')!;

/**
 * The node of the image `name`, held by the monitor.
 * @throws OpenImageError with a text for people, without the name as it was given
 */
export function openImage(machine: Machine, name: string, flags: OpenFlags = {}): Node {
  try {
    const { options, isGuess } = found(machine, name, flags);
    for (const [key, value] of Object.entries(flags.options ?? {})) options[key] ??= value;
    options['read-only'] ??= !flags.write;
    if (flags.forceShare) options['force-share'] ??= true;
    if (flags.noBacking && options.driver === 'qbm') options.backing ??= null;
    refuseStrangers(options);
    const node = openNode(
      machine,
      parseValue(BlockdevOptions, withTypes(BlockdevOptions, options), ''),
      undefined,
    );
    node.monitorOwned = true;
    node.isLookedAt = flags.noBacking ?? false;
    try {
      if (flags.isAlone) keepAlone(machine, node);
      if (flags.write && node.readOnly) throw new OpenImageError('Block node is read-only');
      if (flags.write) checkNotInUse(machine, node);
    } catch (refusal) {
      closeImage(machine, node);
      throw refusal;
    }
    if (isGuess && (flags.write || flags.isForWriting))
      flags.warn?.(guessWarning((node.edge('file')?.child ?? node).filename));
    return node;
  } catch (error) {
    throw explained(machine, name, flags, error);
  }
}

/** The options of blockdev-add that `name` stands for, drivers filled in; nothing is open. @throws OpenImageError */
export function namedOptions(machine: Machine, name: string, flags: OpenFlags = {}): JsonObject {
  try {
    return found(machine, name, flags).options;
  } catch (error) {
    throw explained(machine, name, flags, error);
  }
}

function found(machine: Machine, name: string, flags: OpenFlags): { options: JsonObject; isGuess: boolean } {
  const options = optionsOf(name, flags);
  return { isGuess: complete(machine, options), options };
}

/** Reads the image as a whole. */
const READER: Holder = { kind: 'command', describe: () => 'an unnamed block device', blocks: () => null };

/** @throws BlockError REF-E-LOCKED-SHARED */
function keepAlone({ graph }: Machine, node: Node): void {
  const shares = node.options.forceShare ? ALL : CONSISTENT_READ | WRITE_UNCHANGED;
  graph.change((change) => change.hold(READER, node, 'root', { needs: CONSISTENT_READ, shares }));
}

/** The users that {@link OpenFlags.isAlone} has made go, and the monitor's hold ends; the node closes unless somebody else uses it. @throws Refusal, StorageError */
export function closeImage(machine: Machine, node: Node): void {
  for (const edge of node.parents.filter(({ parent }) => parent === READER))
    machine.graph.change((change) => change.drop(edge));
  node.monitorOwned = false;
  machine.graph.release(node);
}

/** `qbm` or `raw`, by the first bytes of a file. QBM-006 @throws BlockError REF-E-OPEN */
export function probeFormat(machine: Machine, file: JsonObject): 'qbm' | 'raw' {
  const options = jsonObject({ 'read-only': true, 'force-share': true, ...file });
  const node = openNode(
    machine,
    parseValue(BlockdevOptions, withTypes(BlockdevOptions, options), ''),
    undefined,
  );
  try {
    const start = new Uint8Array(Math.min(PROBE, node.driver.length()));
    node.driver.read(0, start);
    return looksLikeQbm(start) ? 'qbm' : 'raw';
  } finally {
    machine.graph.release(node);
  }
}

function optionsOf(name: string, flags: OpenFlags): JsonObject {
  const options = flags.isOptions
    ? fromPairs(name)
    : name.startsWith('json:')
      ? fromJson(name)
      : fromName(name);
  if (flags.pairs !== undefined) override(options, fromPairs(flags.pairs));
  if (flags.format !== undefined) options.driver = flags.format;
  return options;
}

function override(options: JsonObject, by: JsonObject): void {
  for (const [name, value] of Object.entries(by)) {
    const before = options[name];
    if (isJsonObject(before) && isJsonObject(value)) override(before, value);
    else options[name] = value;
  }
}

function fromPairs(text: string): JsonObject {
  const flat = jsonObject();
  for (const [index, [name, value]] of parsePairs(text).entries()) {
    // A first word alone is the node to stand on.
    if (value === null && index === 0) flat.file = name;
    else flat[name] = value ?? 'on';
  }
  return nest(flat);
}

function fromJson(name: string): JsonObject {
  let value: Json;
  try {
    value = readJson(name.slice('json:'.length));
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    throw new OpenImageError(`Could not parse the JSON options: ${error.message}`);
  }
  if (!isJsonObject(value)) throw new OpenImageError('Invalid JSON object given');
  return nest(value);
}

/** A file name; one that begins with a protocol is of that protocol. */
function fromName(name: string): JsonObject {
  const protocol = /^([^/:]*):/.exec(name)?.[1];
  if (protocol === undefined) return jsonObject({ file: jsonObject({ driver: 'file', filename: name }) });
  if (protocol === 'file')
    return jsonObject({ file: jsonObject({ driver: 'file', filename: name.slice(5) }) });
  if (name === 'null-co://') return jsonObject({ file: jsonObject({ driver: 'null-co' }) });
  throw new OpenImageError(`Unknown protocol '${protocol}'`);
}

/** Fills in the drivers that nobody named. Says whether the format of the whole is a guess: raw. */
function complete(machine: Machine, options: JsonObject): boolean {
  const { file } = options;
  if (isJsonObject(file)) {
    if (file.driver === undefined && file.filename !== undefined) file.driver = 'file';
    else complete(machine, file);
    checkDriver(file);
  }
  for (const name of ['image', 'backing']) {
    const child = options[name];
    if (isJsonObject(child)) complete(machine, child);
  }
  if (options.driver !== undefined) {
    checkDriver(options);
    if (options.driver === 'raw' && file === undefined)
      throw new OpenImageError('A block device must be specified for "file"');
    return false;
  }
  if (!isJsonObject(file)) {
    if (typeof file === 'string')
      throw new OpenImageError(`Cannot find device='${file}' nor node-name='${file}'`);
    throw new OpenImageError('Must specify either driver or file');
  }
  options.driver = probeFormat(machine, file);
  return options.driver === 'raw';
}

function checkDriver({ driver }: JsonObject): void {
  const { type } = DRIVERS;
  const known = 'values' in type ? (type.values as readonly { readonly name: string }[]) : [];
  if (typeof driver === 'string' && !known.some(({ name }) => name === driver))
    throw new OpenImageError(`Unknown driver '${driver}'`);
}

/** Options that a driver does not have, children first, and a file without a name. */
function refuseStrangers(options: JsonObject): void {
  for (const name of ['file', 'image', 'backing']) {
    const child = options[name];
    if (isJsonObject(child)) refuseStrangers(child);
  }
  const driver = String(options.driver);
  if (driver === 'file' && options.filename === undefined)
    throw new OpenImageError("The 'file' block driver requires a file name");
  const branch = Object.hasOwn(BlockdevOptions.branches, driver)
    ? BlockdevOptions.branches[driver as keyof typeof BlockdevOptions.branches]
    : undefined;
  if (branch === undefined) return;
  const known = [...BlockdevOptions.members, ...branch.members].map(({ name }) => name);
  const stranger = Object.keys(options).find((name) => !known.includes(name));
  if (stranger === undefined) return;
  throw new OpenImageError(
    PROTOCOLS.includes(driver)
      ? `Block protocol '${driver}' doesn't support the option '${stranger}'`
      : `Block format '${driver}' does not support the option '${stranger}'`,
  );
}

function guessWarning(name: string): string {
  return (
    `WARNING: Image format was not specified for '${name}' and probing guessed raw.\n` +
    '         Automatically detecting the format is dangerous for raw images, write operations on block 0 will be restricted.\n' +
    "         Specify the 'raw' format explicitly to remove the restrictions.\n"
  );
}

/** What refused, in words for people. A mistake of this program stays what it is. */
function explained(machine: Machine, name: string, flags: OpenFlags, error: unknown): unknown {
  if (error instanceof QbmError) return new OpenImageError(explainedQbm(machine, name, flags, error));
  if (error instanceof QmpError) return new OpenImageError(error.desc);
  if (error instanceof BlockError && ['REF-E-LOCKED', 'REF-E-LOCKED-SHARED'].includes(error.id))
    return new OpenImageError(
      `${error.message}\nIs another process using the image [${error.args.file ?? name}]?`,
    );
  if (error instanceof Refusal) return new OpenImageError(error.message);
  if (error instanceof StorageError) return new OpenImageError(`${error.file}: ${reasonOf(error.errno)}`);
  if (error instanceof RequestError)
    return new OpenImageError(`Could not read image for determining its format: ${reasonOf(error.errno)}`);
  return error;
}

function explainedQbm(machine: Machine, name: string, flags: OpenFlags, error: QbmError): string {
  if (error.id === 'QBM-E-LOCKED') return lockedText(name, flags, error);
  // Whoever says -f qbm of something else need not be told where in it the JSON is wrong.
  const isText = ['QBM-E-JSON', 'QBM-E-ENCODING', 'QBM-E-NOT-QBM', 'QBM-E-TOO-LONG'].includes(error.id);
  if (isText && startsOtherwise(machine, error.place?.file ?? name)) return 'Image is not in qbm format';
  if (error.id === 'QBM-E-NO-FILE' && error.args.role === 'the backing file') {
    const { storage } = machine;
    const path = storage.resolve(name, String(error.args.file));
    return `Could not open backing file: Could not open '${path}': No such file or directory`;
  }
  if (error.id === 'QBM-E-TRUST')
    return `${error.message}\n(whoever trusts it says so: --image-opts driver=qbm,trusted=on,file.filename=…)`;
  return error.message;
}

/** Images below are only read; so many "backing files" are in the text as there are images over the one that is in use. IMG-016 */
function lockedText(name: string, flags: OpenFlags, { args: { file, level = 0 } }: QbmError): string {
  const writes = level === 0 && (flags.write || flags.isForWriting);
  const where = 'Could not open backing file: '.repeat(Number(level));
  const image = level === 0 ? name : file;
  return `${where}Failed to get ${writes ? '' : 'shared '}"write" lock\nIs another process using the image [${image}]?`;
}

function startsOtherwise(machine: Machine, file: string): boolean {
  try {
    return probeFormat(machine, jsonObject({ driver: 'file', filename: file })) === 'raw';
  } catch {
    return false;
  }
}
