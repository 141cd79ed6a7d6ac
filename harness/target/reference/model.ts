/**
 * The specification as a case has it: a machine over files in memory, and the steps of the case language without waiting.
 * The target `reference` puts promises around it; what makes up histories plays them on it directly.
 */

import type { DirtyBitmap } from '../../../spec/bitmap/dirty-bitmap.js';
import { sha256 } from '../../../spec/bitmap/serialise.js';
import type { Edge, Holder } from '../../../spec/block/edge.js';
import { BlockError } from '../../../spec/block/errors.js';
import type { Node } from '../../../spec/block/node.js';
import { ALL, CONSISTENT_READ, RESIZE, WRITE } from '../../../spec/block/permissions.js';
import { nodeSha256 } from '../../../spec/host/sha256.js';
import { type Json, type JsonObject, jsonObject } from '../../../spec/json/value.js';
import type { NbdListener } from '../../../spec/nbd/exports.js';
import { createImage } from '../../../spec/qbm/create.js';
import { type ImageRef, imageRef } from '../../../spec/qbm/descriptor.js';
import { dataFileName } from '../../../spec/qbm/names.js';
import { QmpError } from '../../../spec/qmp/errors.js';
import { type IoResult, Machine } from '../../../spec/qmp/machine.js';
import { MemoryStorage } from '../../../spec/storage/memory-storage.js';
import { LARGEST_MAPPED_DISK, noSuchNode, sortBitmaps } from '../observe.js';
import { firstOther, PatternFile, patternBytes } from '../pattern.js';
import type {
  BitmapObservation,
  IoOutcome,
  IoRequest,
  NodeObservation,
  OpenOptions,
  Reply,
} from '../target.js';

/** Who sends the requests of a case. */
const GUEST: Holder = {
  kind: 'export',
  describe: () => 'an unnamed block device',
  blocks: () => null,
};

/** Files have names here, no place; the prefix is what transcripts turn into `$`. */
export const DIRECTORY = '/case';
/** Guest requests are cut into pieces of this many bytes, as the NBD client of the other targets cuts them. */
const PIECE = 32 * 1024 * 1024;

interface ImageKind {
  readonly isOverlay: boolean;
  /** undefined: it cannot have one */
  readonly backing: ImageRef | null | undefined;
}

export class ReferenceModel {
  readonly storage = new MemoryStorage((size) => new PatternFile(size));
  readonly #format: string;
  readonly #listener: NbdListener | null;
  /** by the node that a step made on it: what another image may name as its backing file */
  readonly #images = new Map<string, ImageRef>();
  /** anew after every restart */
  machine!: Machine;

  /** @param format 'raw' or 'overlay' @param listener where NBD clients come from; null: nowhere */
  constructor(format: string, listener: NbdListener | null = null) {
    this.#format = format;
    this.#listener = listener;
    this.#start();
  }

  /** A new machine over the same files. */
  #start(): void {
    const listener = this.#listener === null ? {} : { listener: this.#listener };
    this.machine = new Machine({ storage: this.storage, makeHash: nodeSha256, ...listener });
  }

  create(name: string, size: number): void {
    this.storage.put(`${DIRECTORY}/${name}`, size);
  }

  /** What a file of the case has; null if there is none. */
  bytes(name: string): Uint8Array | null {
    const path = `${DIRECTORY}/${name}`;
    if (this.storage.kind(path) !== 'file') return null;
    const file = this.storage.open(path);
    const bytes = new Uint8Array(file.size);
    file.read(0, bytes);
    file.close();
    return bytes;
  }

  open(node: string, options: OpenOptions): Reply {
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
    // What a case has put below an image it names with its directory, and vouches for (QBM-040).
    const format = isOverlay
      ? { driver: 'qbm', trusted: true, ...(policy === undefined ? {} : { policy }) }
      : { driver: 'raw' };
    const chain = backing === undefined ? {} : { backing };
    return this.#add(device, jsonObject({ ...format, ...common, ...chain, file }));
  }

  drive(id: string, readOnly: boolean): Reply {
    return reply(() => {
      this.machine.addDrive(id, null, readOnly);
      return jsonObject({});
    });
  }

  /** A node, held by the monitor or by a drive that is made with it. */
  #add(device: string | undefined, options: JsonObject): Reply {
    if (device === undefined) return this.execute('blockdev-add', options);
    return reply(() => {
      this.machine.addDrive(device, options);
      return jsonObject({});
    });
  }

  /** Over whatever an earlier `open` left under these names: a new `open` with a size is a new image. */
  #makeImage(filename: string, size: number, { isOverlay, backing }: ImageKind): void {
    if (!isOverlay) {
      this.storage.put(filename, size);
      return;
    }
    for (const name of [filename, this.storage.resolve(filename, dataFileName(filename))]) {
      if (this.storage.kind(name) === 'file') this.storage.remove(name);
    }
    const allocation = backing !== undefined;
    createImage(this.storage, filename, {
      size,
      allocation,
      backing: backing ?? null,
      makeHash: nodeSha256,
    });
  }

  io(node: string, request: IoRequest): IoOutcome {
    const { graph } = this.machine;
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
        return this.machine.graph.change((change) => change.hold(GUEST, node, 'root', permissions));
      } catch (refusal) {
        if (!(refusal instanceof BlockError)) throw refusal;
      }
    }
    return null;
  }

  #perform(node: string, request: IoRequest): IoOutcome {
    if (request.op === 'flush') return outcomeOf(this.machine.io(node, request));
    return inPieces(request.offset, request.length, (offset, length) =>
      this.#piece(node, request, offset, length),
    );
  }

  observe(node: string): NodeObservation | Reply {
    const found = this.machine.graph.find(node);
    if (found === undefined) return noSuchNode(node);
    const named = found.bitmaps.filter((bitmap): bitmap is Named => bitmap.name !== null);
    return { size: found.size, bitmaps: sortBitmaps(named.map((bitmap) => observation(bitmap, found.size))) };
  }

  restart(how: 'quit' | 'kill'): void {
    if (how === 'quit') this.machine.shutDown();
    else this.storage.forgetLocks();
    this.#start();
  }

  get formatDriver(): string {
    return this.#format === 'overlay' ? 'qbm' : 'raw';
  }

  /** @throws nothing that a command refuses: that is its reply */
  execute(name: string, args: JsonObject | undefined): Reply {
    return reply(() => this.machine.execute({ name, arguments: args }));
  }

  #piece(
    node: string,
    request: Exclude<IoRequest, { op: 'flush' }>,
    offset: number,
    length: number,
  ): IoOutcome {
    if (request.op !== 'write' && request.op !== 'read') {
      return outcomeOf(this.machine.io(node, { op: request.op, offset, length }));
    }
    if (request.op === 'write') {
      return outcomeOf(
        this.machine.io(node, { op: 'write', offset, bytes: patternBytes(request.pattern, length) }),
      );
    }
    const bytes = this.machine.io(node, { op: 'read', offset, length, into: readRoom(length) });
    if (typeof bytes === 'string' || request.pattern === undefined) return outcomeOf(bytes);
    const index = firstOther(bytes, request.pattern);
    return index < 0 ? { ok: true } : { mismatch: { at: offset + index, found: bytes[index]! } };
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

/** For the bytes of one read: they are compared at once. */
let reads = new Uint8Array(65536);

function readRoom(length: number): Uint8Array {
  if (reads.length < length) reads = new Uint8Array(2 * length);
  return reads.subarray(0, length);
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
