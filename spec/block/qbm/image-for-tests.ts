/** A QBM image on a machine, for the tests of its driver. The node is called `disk`, its descriptor `disk.qbm`. */
import { serialise } from '../../bitmap/serialise.js';
import { nodeSha256 } from '../../host/sha256.js';
import { type Json, jsonObject } from '../../json/value.js';
import { createImage } from '../../qbm/create.js';
import { imageRef } from '../../qbm/descriptor.js';
import { QmpError } from '../../qmp/errors.js';
import { Machine } from '../../qmp/machine.js';
import { MemoryStorage } from '../../storage/memory-storage.js';
import { RecordingStorage } from '../../storage/recording.js';
import { type Storage, StorageError } from '../../storage/storage.js';
import type { GuestRequest } from '../guest.js';
import type { Node } from '../node.js';
import { discard, flush, read, write, zero } from '../request.js';

export { DirectoryStorage } from '../../host/directory-storage.js';
export { directoryFor } from '../../host/directory-storage-for-tests.js';
export { NoWrites } from '../../qbm/image-for-tests.js';
export { Between, type Op } from '../../qmp/crash/storage-for-tests.js';
export { Machine, nodeSha256, RecordingStorage };

export const GRANULE = 4096;
/** 40 granules, and a sector. */
export const SIZE = 40 * GRANULE + 512;

export interface ImageOptions {
  readonly size?: number;
  readonly overlay?: { readonly cluster: number; readonly base: Uint8Array };
  /** persistent bitmaps, of 4 KiB a bit */
  readonly bitmaps?: readonly string[];
}

/** Files of a closed image. */
export function files({ size = SIZE, overlay, bitmaps = [] }: ImageOptions = {}): MemoryStorage {
  const storage = new MemoryStorage();
  if (overlay !== undefined) storage.put('base.raw', overlay.base);
  const backing = overlay === undefined ? null : imageRef('base.raw', 'raw');
  createImage(storage, 'disk.qbm', {
    size,
    backing,
    clusterSize: overlay?.cluster ?? 65536,
    makeHash: nodeSha256,
  });
  const image = new Image(storage).open();
  for (const name of bitmaps) image.add(name);
  image.close();
  return storage;
}

/** The same files, on a storage that records; what is larger than any array becomes zeros. */
export function recorded(storage: MemoryStorage): RecordingStorage {
  return new RecordingStorage(
    storage.files().map(([name, { size }]) => [name, size > 2 ** 30 ? size : contentOf(storage, name)]),
  );
}

export function contentOf(storage: Storage, name: string): Uint8Array {
  const file = storage.open(name);
  const bytes = new Uint8Array(file.size);
  file.read(0, bytes);
  file.close();
  return bytes;
}

type Arguments = { readonly [member: string]: unknown };

export class Image {
  readonly machine: Machine;

  constructor(storage: Storage) {
    this.machine = new Machine({ storage, makeHash: nodeSha256 });
  }

  /** @throws QmpError */
  open(more: Arguments = {}): this {
    this.addNode({
      driver: 'qbm',
      'node-name': 'disk',
      discard: 'unmap',
      file: { driver: 'file', filename: 'disk.qbm' },
      ...more,
    });
    return this;
  }

  /** blockdev-add. @throws QmpError */
  addNode(options: Arguments): void {
    this.execute('blockdev-add', options);
  }

  get node(): Node {
    return this.machine.graph.lookup('', 'disk');
  }

  close(): void {
    this.machine.shutDown();
  }

  execute(name: string, args: Arguments): Json {
    return this.machine.execute({ name, arguments: jsonObject(args as { [member: string]: Json }) });
  }

  /** `ok`, or the id of the refusal. */
  ask(name: string, args: Arguments): string {
    try {
      this.execute(name, args);
      return 'ok';
    } catch (error) {
      if (error instanceof QmpError) return error.id;
      throw error;
    }
  }

  /** A command on a bitmap of the disk. */
  bitmap(verb: string, name: string, more: Arguments = {}): string {
    return this.ask(`block-dirty-bitmap-${verb}`, { node: 'disk', name, ...more });
  }

  add(name: string, more: Arguments = {}): string {
    return this.bitmap('add', name, { granularity: GRANULE, persistent: true, ...more });
  }

  merge(target: string, ...bitmaps: string[]): string {
    return this.ask('block-dirty-bitmap-merge', { node: 'disk', target, bitmaps });
  }

  transaction(...actions: readonly (readonly [verb: string, name: string, more?: Arguments])[]): string {
    return this.ask('transaction', {
      actions: actions.map(([verb, name, more]) =>
        verb === 'abort'
          ? { type: 'abort', data: {} }
          : { type: `block-dirty-bitmap-${verb}`, data: { node: 'disk', name, ...more } },
      ),
    });
  }

  resize(size: number): string {
    return this.ask('block_resize', { 'node-name': 'disk', size });
  }

  /** A request, straight to the node: `ok` or the errno. */
  io(request: GuestRequest): string {
    const { node } = this;
    try {
      if (request.op === 'flush') flush(node);
      else if (request.op === 'write') write(node, request.offset, request.bytes);
      else if (request.op === 'zero') zero(node, request.offset, request.length);
      else if (request.op === 'discard') discard(node, request.offset, request.length);
      return 'ok';
    } catch (error) {
      if (error instanceof StorageError) return error.errno;
      throw error;
    }
  }

  write(offset: number, length: number, fill = 0x55): string {
    return this.io({ op: 'write', offset, bytes: new Uint8Array(length).fill(fill) });
  }

  flush(): string {
    return this.io({ op: 'flush' });
  }

  read(offset: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    read(this.node, offset, bytes);
    return bytes;
  }

  /** What a bitmap says: the first bytes of its dirty areas and their lengths, in granules. */
  dirty(name: string): string {
    const bitmap = this.node.bitmap(name);
    if (bitmap === undefined) return 'none';
    if (bitmap.inconsistent) return 'inconsistent';
    const areas = [...bitmap.dirtyAreas()].map(({ offset, length }) => {
      return `${offset / bitmap.granularity}+${Math.ceil(length / bitmap.granularity)}`;
    });
    return `${bitmap.enabled ? '' : 'off '}${areas.join(' ')}`;
  }

  /** Whether a byte of the disk is dirty in a bitmap. */
  isDirty(name: string, offset: number): boolean {
    return this.node.bitmap(name)!.nextDirty(offset, offset + 1) >= 0;
  }
}

/** The bits of a bitmap as in its file. */
export function bytesOf(image: Image, name: string): number[] {
  return [...serialise(image.node.bitmap(name)!)].flatMap((chunk) => [...chunk]);
}

/** What was done to a storage since `from`, a word and a file each. */
export function operations(storage: RecordingStorage, from = 0): string[] {
  return storage.operations.slice(from).map((operation) => {
    const place = operation.op === 'write' || operation.op === 'zero' ? ` ${operation.offset}` : '';
    return `${operation.op} ${operation.name}${place}`;
  });
}
