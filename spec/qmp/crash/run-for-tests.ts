/**
 * Runs a history on a machine over a recording storage, and notes after each step what has been promised by then: what
 * the disk may hold, which bitmaps are stored, what is in them, and since when each records. FORMAT.md, QBM-031 to QBM-038.
 */

import type { DirtyBitmap } from '../../bitmap/dirty-bitmap.js';
import { serialise } from '../../bitmap/serialise.js';
import { discard, flush, read, write, zero } from '../../block/request.js';
import { nodeSha256 } from '../../host/sha256.js';
import { type JsonObject, jsonObject } from '../../json/value.js';
import { createImage } from '../../qbm/create.js';
import { imageRef, type Policy } from '../../qbm/descriptor.js';
import { RecordingStorage } from '../../storage/recording.js';
import { SECTOR, Sector, type SectorFile } from '../../storage/recording-file.js';
import type { Storage } from '../../storage/storage.js';
import { QmpError } from '../errors.js';
import { Machine } from '../machine.js';
import { actionsOf, commandOf, isMove, transactionAction } from './command-for-tests.js';
import { BASE, DATA, IMAGE, type Seen, sectorsOf, seenIn, Versions } from './content-for-tests.js';
import { addsOf, type History, SHAPES, type Shape, type Step } from './history-for-tests.js';
import { Recorders } from './since-for-tests.js';
import { Died, Mortal } from './storage-for-tests.js';

/** What is known of a bitmap that is to be stored. */
export interface Known {
  readonly recording: boolean;
  readonly inconsistent: boolean;
  /** as in its file */
  readonly bytes: Uint8Array;
  /** what the disk may have held each time it began to record, since it was added or cleared */
  readonly since: readonly Versions[];
  /** whether the descriptor has to have it already: under writeback new ones get there at the end */
  readonly isStored: boolean;
}

/** What holds after a step, whenever it crashes. */
export interface Promised {
  /** null: there is no image yet */
  readonly content: Versions | null;
  /** of the writer that has the image open; null: there is none */
  readonly policy: Policy | null;
  readonly bitmaps: ReadonlyMap<string, Known>;
}

/** One step, and the operations of the recording that it took: from + 1 to `to`. */
export interface Done {
  readonly step: Step;
  readonly reply: string;
  readonly to: number;
  readonly promised: Promised;
}

export interface Run {
  readonly shape: Shape;
  readonly recording: RecordingStorage;
  /** what held before the first step */
  readonly before: Promised;
  readonly done: readonly Done[];
}

/** From what a run begins: files, and what holds of them. */
export interface Beginning {
  readonly files: readonly (readonly [string, SectorFile])[];
  readonly promised: Promised;
}

/** A promise that is broken. */
export class Broken extends Error {
  readonly rule: string;
  constructor(rule: string, text: string) {
    super(`${rule}: ${text}`);
    this.rule = rule;
  }
}

const NOTHING: Promised = { content: null, policy: null, bitmaps: new Map() };

/** @param spoil what stands between the machine and the recording: a mistake, for instance */
export function runHistory(
  { shape, steps }: History,
  beginning: Beginning = beginningOf(shape, steps[0]?.do === 'create'),
  spoil: (storage: Storage) => Storage = (storage) => storage,
): Run {
  const recording = new RecordingStorage(beginning.files);
  const runner = new Runner(shape, recording, spoil(recording), beginning.promised);
  const done = steps.map((step, index) => {
    const { reply, promised } = runner.run(step);
    recording.mark(`step ${index + 1}, ${step.do}: ${reply}`);
    return { step, reply, promised, to: recording.operations.length };
  });
  return { shape, recording, before: beginning.promised, done };
}

const begun = new Map<Shape, Beginning>();

/** Nothing but the backing file, or a finished image. */
function beginningOf(shape: Shape, isEmpty: boolean): Beginning {
  const recording = new RecordingStorage();
  if (shape.overlay !== null) {
    const base = recording.create(BASE);
    base.write(0, patternOf(shape.overlay.base, 7));
  }
  if (isEmpty) return { files: recording.files(), promised: NOTHING };
  const known = begun.get(shape);
  if (known !== undefined) return known;
  const runner = new Runner(shape, recording, recording, NOTHING);
  const open: Step = { do: 'open', policy: 'writethrough', readOnly: false };
  const writes: Step[] = [0, 3000, 8192, 66000].map((offset, index) => {
    const length = Math.max(0, Math.min(1000, shape.size - offset));
    return { do: 'write', offset: Math.min(offset, shape.size), length, fill: 100 + index };
  });
  const before: Step[] = [
    { do: 'create' },
    open,
    ...writes.slice(1),
    ...addsOf(shape),
    ...writes.slice(0, 2),
    { do: 'close' },
  ];
  const promised = before.map((step) => runner.run(step).promised).at(-1)!;
  const beginning = { files: recording.files(), promised };
  begun.set(shape, beginning);
  return beginning;
}

/** Makes the images that histories begin with; before a mistake is planted that could spoil them. */
export function prepareBeginnings(): void {
  for (const shape of SHAPES) beginningOf(shape, false);
}

function patternOf(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => 1 + ((Math.floor(index / 64) * 31 + seed) % 255));
}

class Runner {
  readonly #shape: Shape;
  readonly #recording: RecordingStorage;
  readonly #storage: Mortal;
  #machine: Machine | null = null;
  #promised: Promised;
  #recorders = new Recorders();

  constructor(shape: Shape, recording: RecordingStorage, storage: Storage, promised: Promised) {
    this.#shape = shape;
    this.#recording = recording;
    this.#storage = new Mortal(storage);
    this.#promised = promised;
  }

  run(step: Step): { reply: string; promised: Promised } {
    const from = this.#recording.operations.length;
    const reply = this.#perform(step);
    const wrong = this.#machine?.verify() ?? [];
    if (wrong.length > 0) throw new Error(`${step.do}: ${wrong.join('; ')}`);
    const content = this.#content(step, from);
    this.#promised = { content, ...this.#standing(step, reply === 'ok', content) };
    return { reply, promised: this.#promised };
  }

  #perform(step: Step): string {
    switch (step.do) {
      case 'create':
        createFor(this.#shape, this.#storage);
        return 'ok';
      case 'open':
        this.#machine = new Machine({ storage: this.#storage, makeHash: nodeSha256 });
        openImage(this.#machine, step.policy, step.readOnly);
        return 'ok';
      case 'close':
        this.#machine!.shutDown();
        this.#machine = null;
        return 'ok';
      case 'die':
        return this.#die(step);
      case 'write':
      case 'zero':
      case 'discard':
      case 'flush':
        return this.#io(step);
      case 'resize':
        return this.#execute('block_resize', { 'node-name': 'disk', size: step.size });
      case 'transaction':
        return this.#execute('transaction', { actions: step.actions.map(transactionAction) });
      default: {
        const { type, data } = commandOf(step);
        return this.#execute(type, data);
      }
    }
  }

  /** What the dead program had done stays as it is, flushed or not. */
  #die({ within, after, policy }: Extract<Step, { do: 'die' }>): string {
    this.#storage.left = after;
    try {
      this.#perform(within);
    } catch (error) {
      if (!(error instanceof Died)) throw error;
    }
    this.#storage.left = Infinity;
    this.#recording.forgetLocks();
    return this.#perform({ do: 'open', policy, readOnly: false });
  }

  /** Straight to the node: what the storage refuses is to be seen here as it is. */
  #io(step: Extract<Step, { do: 'write' | 'zero' | 'discard' | 'flush' }>): string {
    const node = this.#machine!.graph.lookup('', 'disk');
    if (step.do === 'flush') {
      flush(node);
      return 'ok';
    }
    const { offset, length } = step;
    if (offset + length > node.size) return 'past the end';
    if (step.do === 'write') write(node, offset, new Uint8Array(length).fill(step.fill));
    else if (step.do === 'zero') zero(node, offset, length);
    else discard(node, offset, length);
    return 'ok';
  }

  #execute(name: string, args: JsonObject): string {
    try {
      this.#machine!.execute({ name, arguments: args });
      return 'ok';
    } catch (error) {
      if (!(error instanceof QmpError) || error.id === 'REF-E-STORAGE') throw error;
      return error.id;
    }
  }

  /** Who has the image open, and what is known of its bitmaps. */
  #standing(step: Step, isDone: boolean, content: Versions): Omit<Promised, 'content'> {
    const { policy, bitmaps } = this.#promised;
    switch (step.do) {
      case 'create':
        return { policy: null, bitmaps: new Map() };
      case 'open':
        // Nothing that opening does changes what was promised of the bitmaps.
        this.#recorders = new Recorders(
          [...bitmaps].map(([name, { recording, since }]) => [name, { enabled: recording, since }]),
        );
        return { policy: step.readOnly ? null : step.policy, bitmaps };
      case 'close':
        return {
          policy: null,
          bitmaps: new Map([...bitmaps].map(([name, known]) => [name, { ...known, isStored: true }])),
        };
      case 'die':
        return this.#afterDeath(step, content);
      default:
        return { policy, bitmaps: this.#bitmaps(step, isDone, content) };
    }
  }

  #bitmaps(step: Step, isDone: boolean, content: Versions): Map<string, Known> {
    const { policy, bitmaps } = this.#promised;
    const actions = isDone ? actionsOf(step) : [];
    for (const action of actions) this.#recorders.follow(action, content);
    if (step.do === 'resize') this.#recorders.resized(this.#seen(), [...content.sectors.keys()]);
    const moved = new Set(actions.filter(isMove).map(({ name }) => name));
    const found = new Map<string, Known>();
    for (const bitmap of this.#machine!.graph.lookup('', 'disk').bitmaps) {
      const name = bitmap.name!;
      if (!bitmap.persistent) continue;
      const wasStored = (bitmaps.get(name)?.isStored ?? false) && !moved.has(name);
      found.set(name, knownOf(bitmap, this.#recorders.since(name), policy === 'writethrough' || wasStored));
    }
    return found;
  }

  /** What the next writer finds, of a step that may have been done or not. */
  #afterDeath(
    { within, policy }: Extract<Step, { do: 'die' }>,
    content: Versions,
  ): Omit<Promised, 'content'> {
    if (within.do === 'resize') this.#recorders.resized(this.#seen(), [...content.sectors.keys()]);
    const isCommand = actionsOf(within).length > 0;
    const bitmaps = this.#machine!.graph.lookup('', 'disk').bitmaps.map((bitmap) => {
      const since = this.#recorders.since(bitmap.name!);
      return [bitmap.name!, knownOf(bitmap, isCommand ? [...since, content] : since, true)] as const;
    });
    this.#recorders = new Recorders(
      bitmaps.map(([name, { recording, since }]) => [name, { enabled: recording, since }]),
    );
    return { policy, bitmaps: new Map(bitmaps) };
  }

  #content(step: Step, from: number): Versions {
    const seen = this.#seen();
    const { content } = this.#promised;
    if (content === null) return Versions.of(seen, this.#shape.overlay === null ? [] : placesOf(seen.size));
    this.#checkGrowth(step, content.sizes.at(-1)!, seen);
    const next = content.followedBy(seen, this.#places(content, from));
    return step.do === 'flush' || step.do === 'close' ? next.flushed() : next;
  }

  #checkGrowth(step: Step, oldSize: number, seen: Seen): void {
    if (step.do !== 'resize' || this.#shape.overlay === null) return;
    for (let place = oldSize; place * SECTOR < seen.size; place++) {
      if (seen.at(place) !== null)
        throw new Broken('QBM-037', `byte ${place * SECTOR} is no zero after growing`);
    }
  }

  /** As the guest sees it now: of an overlay, some allocation bits are in memory only. */
  #seen(): Seen {
    const files = new Map(this.#recording.files());
    const { overlay } = this.#shape;
    if (overlay === null || this.#machine === null) return seenIn(files, overlay?.cluster ?? null);
    const node = this.#machine.graph.lookup('', 'disk');
    const bytes = new Uint8Array(node.size);
    read(node, 0, bytes);
    const at = (place: number): Sector | null => {
      const sector = bytes.subarray(place * SECTOR, (place + 1) * SECTOR);
      return sector.some((byte) => byte !== 0) ? new Sector(sector) : null;
    };
    return { size: files.get(DATA)!.size, at };
  }

  /** Sectors that the operations since `from` may have changed. */
  #places(content: Versions, from: number): Iterable<number> {
    const places = new Set<number>();
    for (const operation of this.#recording.operations.slice(from)) {
      if (operation.name !== DATA) continue;
      const isAnywhere = operation.op === 'truncate' || this.#shape.overlay !== null;
      if (isAnywhere) return new Set([...content.sectors.keys(), ...placesOf(this.#overlaySize())]);
      if (operation.op !== 'write' && operation.op !== 'zero') continue;
      const length = operation.op === 'write' ? operation.bytes.length : operation.length;
      const first = Math.floor(operation.offset / SECTOR);
      for (let place = first; place * SECTOR < operation.offset + length; place++) places.add(place);
    }
    return places;
  }

  /** Anything of an overlay may hold something, for its backing file does. */
  #overlaySize(): number {
    return this.#shape.overlay === null ? 0 : new Map(this.#recording.files()).get(DATA)!.size;
  }
}

function createFor({ size, overlay }: Shape, storage: Storage): void {
  const backing = overlay === null ? null : imageRef(BASE, 'raw');
  createImage(storage, IMAGE, {
    size,
    backing,
    clusterSize: overlay?.cluster ?? 65536,
    makeHash: nodeSha256,
  });
}

/** Opens the image as the node `disk`. @param rule what is broken if the storage takes no part of it @throws Broken */
export function openImage(machine: Machine, policy: Policy, readOnly: boolean, rule = 'QBM-036'): void {
  const file = jsonObject({ driver: 'file', filename: IMAGE });
  const options = {
    driver: 'qbm',
    'node-name': 'disk',
    'read-only': readOnly,
    policy,
    discard: 'unmap',
    file,
  };
  try {
    machine.execute({ name: 'blockdev-add', arguments: jsonObject(options) });
  } catch (error) {
    if (error instanceof Died) throw error;
    if (error instanceof QmpError) throw new Broken('QBM-036', `it does not open: ${error.message}`);
    throw new Broken(rule, `opening: ${error}`);
  }
}

export function bytesOf(bitmap: DirtyBitmap): Uint8Array {
  return Buffer.concat([...serialise(bitmap)]);
}

function knownOf(bitmap: DirtyBitmap, since: readonly Versions[], isStored: boolean): Known {
  const { recording, inconsistent } = bitmap;
  return { recording, inconsistent, bytes: bytesOf(bitmap), since, isStored };
}

function placesOf(size: number): number[] {
  return Array.from({ length: sectorsOf(size) }, (_, place) => place);
}
