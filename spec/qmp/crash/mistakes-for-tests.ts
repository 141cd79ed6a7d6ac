/**
 * Mistakes in the order of updates, to be planted: each must be found by the crash states of random histories. Most are a
 * storage that drops or reorders what a right driver asks for; the others take away one method of the driver.
 */
import { Allocation } from '../../block/qbm/allocation.js';
import { DescriptorStore } from '../../block/qbm/store.js';
import { StoredBitmap } from '../../block/qbm/stored-bitmap.js';
import { readJson } from '../../json/read.js';
import { isJsonObject, type Json } from '../../json/value.js';
import type { Storage } from '../../storage/storage.js';
import { DATA, IMAGE } from './content-for-tests.js';
import { Between, type Op } from './storage-for-tests.js';

export interface Mistake {
  readonly what: string;
  readonly rule: string;
  /** how it has to show: it may break more than that */
  readonly shows: RegExp;
  readonly spoil?: (storage: Storage) => Storage;
  /** plants it in the code; what comes back takes it out again */
  readonly plant?: () => () => void;
}

const isDirtyBitmap = (name: string): boolean => name.endsWith('.dirty.bitmap');
const isNext = (name: string): boolean => name === `${IMAGE}.new`;

/** Drops some changes. */
class Dropping extends Between {
  readonly #drops: (op: Op, name: string) => boolean;

  constructor(below: Storage, drops: (op: Op, name: string) => boolean) {
    super(below);
    this.#drops = drops;
  }

  protected override change(op: Op, name: string, done: () => void): void {
    if (!this.#drops(op, name)) done();
  }
}

/** Keeps some changes back until after another one. */
class Delaying extends Between {
  readonly #keeps: (op: Op, name: string) => boolean;
  readonly #until: (op: Op, name: string) => boolean;
  #kept: (() => void)[] = [];

  constructor(
    below: Storage,
    keeps: (op: Op, name: string) => boolean,
    until: (op: Op, name: string) => boolean,
  ) {
    super(below);
    this.#keeps = keeps;
    this.#until = until;
  }

  protected override change(op: Op, name: string, done: () => void): void {
    if (this.#keeps(op, name)) {
      this.#kept.push(done);
      return;
    }
    done();
    if (!this.#until(op, name)) return;
    for (const kept of this.#kept.splice(0)) kept();
  }
}

/** Changes the text of each descriptor before it is written. */
class Rewriting extends Between {
  readonly #rewrite: (text: string, below: Storage) => string;

  constructor(below: Storage, rewrite: (text: string, below: Storage) => string) {
    super(below);
    this.#rewrite = rewrite;
  }

  protected override change(op: Op, name: string, done: () => void, bytes?: Uint8Array): void {
    if (op === 'remove' && this.below.kind(name) === null) return;
    if (op !== 'write' || !isNext(name)) {
      done();
      return;
    }
    const text = new TextDecoder().decode(bytes);
    const file = this.below.open(name, { write: true });
    file.write(0, new TextEncoder().encode(this.#rewrite(text, this.below)));
    file.close();
  }
}

/** The files of the bitmaps that a descriptor names. */
function bitmapFiles(text: string): string[] {
  const at = (value: Json | undefined, member: string): Json | undefined =>
    isJsonObject(value) ? value[member] : undefined;
  const bitmaps = at(at(readJson(text), 'QBM'), 'bitmaps');
  return isJsonObject(bitmaps) ? Object.values(bitmaps).map((bitmap) => String(at(bitmap, 'file'))) : [];
}

function removeEarly(next: string, below: Storage): string {
  if (below.kind(IMAGE) === null) return next;
  const file = below.open(IMAGE);
  const bytes = new Uint8Array(file.size);
  file.read(0, bytes);
  file.close();
  const stays = new Set(bitmapFiles(next));
  for (const name of bitmapFiles(new TextDecoder().decode(bytes))) {
    if (stays.has(name)) continue;
    below.remove(name);
    below.flushDirectory(IMAGE);
  }
  return next;
}

/** Replaces a method for as long as the mistake is planted. */
function replacing<C, M extends keyof C>(prototype: C, method: M, by: C[M]): () => () => void {
  return () => {
    const right = prototype[method];
    prototype[method] = by;
    return () => {
      prototype[method] = right;
    };
  };
}

const drop = (drops: (op: Op, name: string) => boolean) => ({
  spoil: (storage: Storage) => new Dropping(storage, drops),
});
const rewrite = (how: (text: string, below: Storage) => string) => ({
  spoil: (storage: Storage) => new Rewriting(storage, how),
});

/** The promise itself. */
const CLEAN = /is clean at byte/;

export const MISTAKES: readonly Mistake[] = [
  {
    what: 'the dirty bit is not flushed before the data is written',
    rule: 'QBM-034',
    shows: CLEAN,
    ...drop((op, name) => op === 'flush' && isDirtyBitmap(name)),
  },
  {
    what: 'the dirty bit is written after the data',
    rule: 'QBM-034',
    shows: CLEAN,
    spoil: (storage) =>
      new Delaying(
        storage,
        (op, name) => isDirtyBitmap(name) && (op === 'write' || op === 'flush'),
        (op, name) => (name === DATA && op === 'write') || op === 'flush-directory',
      ),
  },
  {
    what: 'the dirty bit is not stored at all',
    rule: 'QBM-034',
    shows: CLEAN,
    plant: replacing(StoredBitmap.prototype, 'isNew', () => false),
  },
  {
    what: 'the descriptor is renamed before its file is flushed',
    rule: 'QBM-035',
    shows: /not strict JSON/,
    ...drop((op, name) => op === 'flush' && isNext(name)),
  },
  {
    what: 'the directory is not flushed after the descriptor is renamed',
    rule: 'QBM-035',
    shows: /does not open|is not inconsistent|is lost|still there/,
    ...drop((op, name) => op === 'flush-directory' && name === IMAGE),
  },
  {
    what: 'the marker is cleared before the bitmaps are stored',
    rule: 'QBM-036',
    shows: /is clean at byte|before the step/,
    spoil: (storage) =>
      new Delaying(
        storage,
        (op, name) => isDirtyBitmap(name) && (op === 'write' || op === 'flush'),
        (op, name) => op === 'flush-directory' && name === IMAGE,
      ),
  },
  {
    what: 'the file of a bitmap is removed before the descriptor is replaced',
    rule: 'QBM-036',
    shows: /there is no file/,
    ...rewrite(removeEarly),
  },
  {
    what: 'there is no marker',
    rule: 'QBM-027',
    shows: /is not inconsistent/,
    ...rewrite((text) =>
      text.replace(/,\s*"ext-hard-qbm-in-use": \{[^}]*\}/, (found) => ' '.repeat(found.length)),
    ),
  },
  {
    what: 'the marker of writeback says writethrough',
    rule: 'QBM-033',
    shows: /is not inconsistent/,
    ...rewrite((text) => text.replace('"policy": "writeback"', '"policy":"writethrough"')),
  },
  {
    what: 'the data image is not flushed when the guest asks for it',
    rule: 'QBM-034',
    shows: /of the disk is/,
    ...drop((op, name) => op === 'flush' && name === DATA),
  },
  {
    what: 'allocation bits are on disk before the data',
    rule: 'QBM-034',
    shows: /of the disk is/,
    plant: replacing(Allocation.prototype, 'claim', function (this: Allocation, offset, length) {
      this.stored.bitmap.mark(offset, length);
      this.stored.marked(offset, length);
      this.stored.sync();
    }),
  },
  {
    what: 'the disk grows before the files of the bitmaps do',
    rule: 'QBM-037',
    shows: /does not open/,
    plant: replacing(StoredBitmap.prototype, 'makeRoom', () => {}),
  },
  {
    what: 'the disk grows while the backing file still shows through',
    rule: 'QBM-037',
    shows: /of the disk is/,
    plant: () => {
      const { resize } = Allocation.prototype;
      const undo = replacing(Allocation.prototype, 'makeRoom', function (this: Allocation, size) {
        this.stored.makeRoom(size);
      })();
      const undoToo = replacing(Allocation.prototype, 'resize', function (this: Allocation, size) {
        const oldSize = this.stored.bitmap.size;
        resize.call(this, size);
        if (size <= oldSize) return;
        this.fill(oldSize, size - oldSize);
        this.claim(oldSize, size - oldSize);
        this.flush();
      })();
      return () => {
        undo();
        undoToo();
      };
    },
  },
  {
    what: 'whether a bitmap records is not on disk when the command returns',
    rule: 'QBM-031',
    shows: /recording is/,
    plant: replacing(DescriptorStore.prototype, 'recording', () => {}),
  },
  {
    what: 'what a command did to a bitmap is not stored',
    rule: 'QBM-031',
    shows: /before the step/,
    plant: replacing(StoredBitmap.prototype, 'changed', () => {}),
  },
];
