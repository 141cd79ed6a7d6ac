/** The specification itself as a target: in this process, with files in memory. A new machine for every case. */

import type { DirtyBitmap } from '../../spec/bitmap/dirty-bitmap.js';
import { sha256 } from '../../spec/bitmap/serialise.js';
import type { Edge, Holder } from '../../spec/block/edge.js';
import { BlockError } from '../../spec/block/errors.js';
import type { Node } from '../../spec/block/node.js';
import { ALL, CONSISTENT_READ, RESIZE, WRITE } from '../../spec/block/permissions.js';
import { nodeSha256 } from '../../spec/host/sha256.js';
import { type Json, type JsonObject, jsonObject } from '../../spec/json/value.js';
import { createImage } from '../../spec/qbm/create.js';
import { type ImageRef, imageRef } from '../../spec/qbm/descriptor.js';
import { dataFileName } from '../../spec/qbm/names.js';
import { COMMANDS } from '../../spec/qmp/command-table.js';
import { BlockdevDriver } from '../../spec/qmp/commands/blockdev-options.js';
import { VERSION } from '../../spec/qmp/commands/introspection.js';
import { QmpError } from '../../spec/qmp/errors.js';
import { type IoResult, Machine } from '../../spec/qmp/machine.js';
import { Monitor } from '../../spec/qmp/monitor.js';
import { MemoryStorage } from '../../spec/storage/memory-storage.js';
import { clientCapabilities } from './clients.js';
import { LARGEST_MAPPED_DISK, noSuchNode, sortBitmaps } from './observe.js';
import { ReferenceFormat } from './reference-format.js';
import { ReferenceNbd } from './reference-nbd.js';
import { ReferenceTools, toolCapabilities } from './reference-tools.js';
import {
  type BitmapObservation,
  type CaseContext,
  type Identity,
  type IoOutcome,
  type IoRequest,
  type NodeObservation,
  type OpenOptions,
  type Reply,
  type Session,
  type Target,
  TargetFault,
} from './target.js';

/** Who sends the requests of a case. */
const GUEST: Holder = {
  kind: 'export',
  describe: () => 'an unnamed block device',
  blocks: () => null,
};

/** Files have names here, no place; the prefix is what transcripts turn into `$`. */
const DIRECTORY = '/case';
/** Guest requests are cut into pieces of this many bytes, as the NBD client of the other targets cuts them. */
const PIECE = 32 * 1024 * 1024;

const CAPABILITIES = [
  'format',
  'repair',
  'restart',
  'qmp',
  'node',
  'bitmap',
  'transaction',
  'resize',
  'devices',
  'close',
  'nbd',
  ...BlockdevDriver.values.map(({ name }) => `driver:${name}`),
];

export function createReferenceTarget(): Target {
  return new ReferenceTarget();
}

class ReferenceTarget implements Target {
  readonly name = 'reference';
  readonly kind = 'reference';

  async identify(): Promise<Identity> {
    const { major, minor, micro } = VERSION.qemu;
    const version = `${major}.${minor}.${micro}`;
    return {
      program: `the reference, following QEMU ${version}`,
      version,
      capabilities: new Set([
        ...CAPABILITIES,
        ...toolCapabilities(),
        ...clientCapabilities(),
        ...[...COMMANDS.keys()].map((name) => `command:${name}`),
      ]),
      formats: new Set(['raw', 'overlay']),
    };
  }

  async begin(context: CaseContext): Promise<Session> {
    return new ReferenceSession(context);
  }

  async close(): Promise<void> {
    // Nothing outlives a session.
  }
}

interface ImageKind {
  readonly isOverlay: boolean;
  /** undefined: it cannot have one */
  readonly backing: ImageRef | null | undefined;
}

class ReferenceSession implements Session {
  readonly directory = DIRECTORY;
  readonly #storage = new MemoryStorage();
  readonly format = new ReferenceFormat(this.#storage, DIRECTORY);
  readonly tools: ReferenceTools;
  readonly nbd: ReferenceNbd;
  readonly #format: string;
  /** by the node that a step made on it: what another image may name as its backing file */
  readonly #images = new Map<string, ImageRef>();
  readonly #events: JsonObject[] = [];
  #machine!: Machine;
  #monitor!: Monitor;

  constructor({ format, limitMs }: CaseContext) {
    this.#format = format;
    this.nbd = new ReferenceNbd(() => this.#machine.exports, DIRECTORY, limitMs);
    this.tools = new ReferenceTools(this.#storage, DIRECTORY, format);
    this.#start();
  }

  /** A new machine over the same files. */
  #start(): void {
    const { listener } = this.nbd;
    this.#machine = new Machine({ storage: this.#storage, makeHash: nodeSha256, listener });
    this.#monitor = new Monitor(this.#machine);
    this.#monitor.feed('{"execute": "qmp_capabilities"}');
  }

  async create(name: string, size: number): Promise<void> {
    this.#storage.put(`${DIRECTORY}/${name}`, size);
  }

  async open(node: string, options: OpenOptions): Promise<Reply> {
    const { size, driver, readOnly = false, discard = 'unmap', policy, backing, device } = options;
    const common = { 'node-name': node, discard, 'read-only': readOnly };
    if (driver === 'null-co') {
      return this.#add(device, jsonObject({ driver, ...common, size: size!, 'read-zeroes': true }));
    }
    const isOverlay = this.#format === 'overlay';
    const filename = `${DIRECTORY}/${node}.img`;
    if (size !== undefined) {
      const below = this.#images.get(backing ?? '') ?? null;
      this.#images.set(node, imageRef(`${node}.img`, this.formatDriver));
      this.#makeImage(filename, size, { isOverlay, backing: backing === undefined ? undefined : below });
    }
    const file = jsonObject({ driver: 'file', filename, 'node-name': `${node}-file` });
    const format = isOverlay
      ? { driver: 'qbm', ...(policy === undefined ? {} : { policy }) }
      : { driver: 'raw' };
    const chain = backing === undefined ? {} : { backing };
    return this.#add(device, jsonObject({ ...format, ...common, ...chain, file }));
  }

  async drive(id: string, readOnly: boolean): Promise<Reply> {
    return reply(() => {
      this.#machine.addDrive(id, null, readOnly);
      return jsonObject({});
    });
  }

  /** A node, held by the monitor or by a drive that is made with it. */
  #add(device: string | undefined, options: JsonObject): Reply {
    if (device === undefined) return this.#execute('blockdev-add', options);
    return reply(() => {
      this.#machine.addDrive(device, options);
      return jsonObject({});
    });
  }

  /** Over whatever an earlier `open` left under these names: a new `open` with a size is a new image. */
  #makeImage(filename: string, size: number, { isOverlay, backing }: ImageKind): void {
    if (!isOverlay) {
      this.#storage.put(filename, size);
      return;
    }
    for (const name of [filename, this.#storage.resolve(filename, dataFileName(filename))]) {
      if (this.#storage.kind(name) === 'file') this.#storage.remove(name);
    }
    const allocation = backing !== undefined;
    createImage(this.#storage, filename, {
      size,
      allocation,
      backing: backing ?? null,
      makeHash: nodeSha256,
    });
  }

  async qmp(command: string, args: JsonObject | undefined): Promise<Reply> {
    if (command === 'nbd-server-start') return this.nbd.start(args, () => this.#execute(command, args));
    return this.#execute(command, args);
  }

  async qmpText(text: string): Promise<Reply> {
    const [reply] = this.#monitor.feed(`${text}\n`);
    // A text that is not complete gets no answer, here or anywhere: the others find out by their limit.
    if (reply === undefined)
      throw new TargetFault('hang', `no reply to ${JSON.stringify(text)}: it is not complete`);
    // A reply to a text has the form of the wire: no id of an error, but that of the request.
    return reply as unknown as Reply;
  }

  async io(node: string, request: IoRequest): Promise<IoOutcome> {
    const { graph } = this.#machine;
    const found = graph.find(node);
    if (found === undefined) return { errno: 'ENODEV' };
    const guest = this.#guestOf(found);
    if (guest === null) return { errno: 'ENODEV' };
    try {
      const isRead = request.op === 'read' || request.op === 'flush';
      if (!isRead && (guest.permissions.needs & WRITE) === 0) return { errno: 'EPERM' };
      return this.#perform(node, request);
    } finally {
      graph.change((change) => change.drop(guest));
    }
  }

  /** A guest uses a node as an export would: to write, or, where others do not share that, to read only. */
  #guestOf(node: Node): Edge | null {
    for (const needs of [CONSISTENT_READ | WRITE, CONSISTENT_READ]) {
      try {
        const permissions = { needs, shares: ALL & ~RESIZE };
        return this.#machine.graph.change((change) => change.hold(GUEST, node, 'root', permissions));
      } catch (refusal) {
        if (!(refusal instanceof BlockError)) throw refusal;
      }
    }
    return null;
  }

  #perform(node: string, request: IoRequest): IoOutcome {
    if (request.op === 'flush') return outcomeOf(this.#machine.io(node, request));
    return inPieces(request.offset, request.length, (offset, length) =>
      this.#piece(node, request, offset, length),
    );
  }

  async observe(node: string): Promise<NodeObservation | Reply> {
    const found = this.#machine.graph.find(node);
    if (found === undefined) return noSuchNode(node);
    const named = found.bitmaps.filter((bitmap): bitmap is Named => bitmap.name !== null);
    return { size: found.size, bitmaps: sortBitmaps(named.map((bitmap) => observation(bitmap, found.size))) };
  }

  async restart(how: 'quit' | 'kill'): Promise<void> {
    if (how === 'quit') this.#machine.shutDown();
    else this.#storage.forgetLocks();
    this.nbd.close();
    this.#events.length = 0;
    this.#start();
  }

  events(): JsonObject[] {
    this.#events.push(...this.#machine.takeEvents());
    return this.#events.splice(0);
  }

  /** Time passes for jobs only here. */
  async moreEvents(): Promise<boolean> {
    do this.#events.push(...this.#machine.takeEvents());
    while (this.#events.length === 0 && this.#machine.step());
    return this.#events.length > 0;
  }

  get formatDriver(): string {
    return this.#format === 'overlay' ? 'qbm' : 'raw';
  }

  async end(): Promise<void> {
    await this.nbd.end();
    const wrong = this.#machine.verify();
    if (wrong.length > 0)
      throw new TargetFault('surroundings', `the reference contradicts itself: ${wrong.join('; ')}`);
  }

  #execute(name: string, args: JsonObject | undefined): Reply {
    return reply(() => this.#machine.execute({ name, arguments: args }));
  }

  #piece(
    node: string,
    request: Exclude<IoRequest, { op: 'flush' }>,
    offset: number,
    length: number,
  ): IoOutcome {
    if (request.op !== 'write' && request.op !== 'read') {
      return outcomeOf(this.#machine.io(node, { op: request.op, offset, length }));
    }
    if (request.op === 'write') {
      return outcomeOf(
        this.#machine.io(node, { op: 'write', offset, bytes: patternBytes(request.pattern, length) }),
      );
    }
    const bytes = this.#machine.io(node, { op: 'read', offset, length });
    if (typeof bytes === 'string' || request.pattern === undefined) return outcomeOf(bytes);
    if (Buffer.compare(bytes, patternBytes(request.pattern, bytes.length)) === 0) return { ok: true };
    const index = bytes.findIndex((byte) => byte !== request.pattern);
    return { mismatch: { at: offset + index, found: bytes[index]! } };
  }
}

function reply(action: () => Json): Reply {
  try {
    return { return: action() };
  } catch (error) {
    if (!(error instanceof QmpError)) throw error;
    return { error: { class: error.class, desc: error.desc, id: error.id } };
  }
}

type Named = DirtyBitmap & { readonly name: string };

function observation(bitmap: Named, size: number): BitmapObservation {
  const isReadable = !bitmap.busy && !bitmap.inconsistent;
  return {
    name: bitmap.name,
    granularity: bitmap.granularity,
    count: bitmap.count,
    recording: bitmap.recording,
    busy: bitmap.busy,
    persistent: bitmap.persistent,
    inconsistent: bitmap.inconsistent,
    dirty: isReadable && size <= LARGEST_MAPPED_DISK ? [...bitmap.dirtyAreas()] : null,
    sha256: isReadable ? sha256(bitmap, nodeSha256) : null,
  };
}

/** The pattern used last, as long as it was ever needed: filling it anew was a quarter of a run of all cases. */
let patterns = { pattern: -1, bytes: new Uint8Array(0) };

function patternBytes(pattern: number, length: number): Uint8Array {
  if (patterns.pattern !== pattern || patterns.bytes.length < length) {
    patterns = { pattern, bytes: new Uint8Array(Math.max(length, 65536)).fill(pattern) };
  }
  return patterns.bytes.subarray(0, length);
}

function outcomeOf(result: IoResult): IoOutcome {
  return typeof result === 'string' ? { errno: result } : { ok: true };
}

/** Runs at least one piece, also of an empty request; stops at the first that is not ok. */
function inPieces(
  offset: number,
  length: number,
  run: (offset: number, length: number) => IoOutcome,
): IoOutcome {
  let done = 0;
  do {
    const piece = Math.min(PIECE, length - done);
    const outcome = run(offset + done, piece);
    if (!('ok' in outcome)) return outcome;
    done += piece;
  } while (done < length);
  return { ok: true };
}
