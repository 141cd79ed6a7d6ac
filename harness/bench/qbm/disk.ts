/** A disk of the reference that a guest writes to: a raw node, or a QBM image with or without a stored bitmap. */
import { nodeSha256 } from '../../../spec/host/sha256.js';
import { type JsonObject, jsonObject } from '../../../spec/json/value.js';
import { createImage } from '../../../spec/qbm/create.js';
import type { Policy } from '../../../spec/qbm/descriptor.js';
import { Machine } from '../../../spec/qmp/machine.js';
import type { Storage } from '../../../spec/storage/storage.js';
import { DISK_BYTES, type Flushing, WRITE_BYTES } from './load.js';

export const NODE = 'disk';
export const BITMAP = 'b';

export interface DiskOptions {
  readonly storage: Storage;
  /** of its files */
  readonly name: string;
  readonly driver: 'raw' | 'qbm';
  readonly policy?: Policy;
  /** bytes; null: it has no bitmap */
  readonly granularity?: number | null;
}

export class ReferenceDisk {
  readonly #machine: Machine;
  readonly #hasBitmap: boolean;
  readonly #writes: readonly { readonly op: 'write'; readonly offset: number; readonly bytes: Uint8Array }[];

  /** Makes the image, and writes all its data once. */
  constructor(options: DiskOptions, at: readonly number[]) {
    const { storage, policy = 'writeback', granularity = null } = options;
    const bytes = new Uint8Array(WRITE_BYTES).fill(1);
    this.#writes = at.map((offset) => ({ op: 'write', offset, bytes }));
    this.#hasBitmap = granularity !== null;
    const filename = `${options.name}.${options.driver}`;
    if (options.driver === 'raw') makeFile(storage, filename);
    else createImage(storage, filename, { size: DISK_BYTES, makeHash: nodeSha256 });
    const open = { driver: options.driver, ...(options.driver === 'raw' ? {} : { policy }) };
    if (granularity !== null) {
      // Under writeback a bitmap is stored when the image is closed: only after that it is one that has a file.
      const before = openMachine(storage, filename, open);
      execute(before, 'block-dirty-bitmap-add', { node: NODE, name: BITMAP, granularity, persistent: true });
      before.shutDown();
    }
    this.#machine = openMachine(storage, filename, open);
    this.pass('no flush');
    this.settle();
  }

  /** Makes all granules clean. */
  clear(): void {
    if (this.#hasBitmap) execute(this.#machine, 'block-dirty-bitmap-clear', { node: NODE, name: BITMAP });
  }

  /** Flushes the data, so that whoever is measured next does not pay for it. */
  settle(): void {
    demand(this.#machine.io(NODE, { op: 'flush' }));
  }

  /** The guest's writes, all of them or the first `count`. */
  pass(flushing: Flushing, count = this.#writes.length): void {
    const machine = this.#machine;
    for (let i = 0; i < count; i++) {
      demand(machine.io(NODE, this.#writes[i]!));
      if (flushing === 'flush after each') demand(machine.io(NODE, { op: 'flush' }));
    }
  }

  close(): void {
    this.#machine.shutDown();
  }
}

function makeFile(storage: Storage, name: string): void {
  const file = storage.create(name);
  file.truncate(DISK_BYTES);
  file.close();
}

function openMachine(storage: Storage, filename: string, options: { readonly driver: string }): Machine {
  const machine = new Machine({ storage, makeHash: nodeSha256 });
  execute(machine, 'blockdev-add', {
    ...options,
    'node-name': NODE,
    file: jsonObject({ driver: 'file', filename }),
  });
  return machine;
}

/** @throws QmpError */
export function execute(machine: Machine, name: string, args: JsonObject): void {
  machine.execute({ name, arguments: jsonObject(args) });
}

function demand(result: Uint8Array | string): void {
  if (typeof result === 'string') throw new Error(`a request of the guest failed: ${result}`);
}
