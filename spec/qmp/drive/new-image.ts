/**
 * Images that a command makes beside its main work: the overlay of blockdev-snapshot-sync, the target of drive-backup and
 * drive-mirror. spec/block/CHAINS.md, REF-033; spec/job/BACKUP.md, JOB-141.
 */
import { refOf } from '../../block/chain/name.js';
import { BlockError } from '../../block/errors.js';
import type { Node } from '../../block/node.js';
import { JobError } from '../../job/errors.js';
import { createImage } from '../../qbm/create.js';
import { QbmError } from '../../qbm/errors.js';
import { reasonOf } from '../../storage/reason.js';
import { StorageError } from '../../storage/storage.js';
import { BlockdevDriver } from '../commands/blockdev-options.js';
import { checkUsers } from '../create.js';
import type { Machine } from '../machine.js';
import { enumeration } from '../types.js';

export const NewImageMode = enumeration('NewImageMode', [
  { name: 'existing', doc: 'an image that is there' },
  { name: 'absolute-paths', doc: 'a new one' },
]);

/** Drivers that make images. */
const MAKING: ReadonlySet<string> = new Set(['qbm', 'raw', 'file']);

export interface NewImage {
  readonly file: string;
  readonly format: string;
  /** bytes */
  readonly size: number;
  /** what it says is below it */
  readonly backing: Node | null;
  /** a QBM image can be opened over a node; default: if it says that one is below it */
  readonly allocation?: boolean;
}

/**
 * An empty image. A file that is there is used only if it is empty.
 * @returns what takes it back: the files go; one that cannot be removed is left over
 * @throws BlockError, JobError JOB-E-CREATE, QbmError QBM-E-EXISTS
 */
export function makeImage(machine: Machine, image: NewImage): () => void {
  const { file, format, backing } = image;
  if (!BlockdevDriver.values.some(({ name }) => name === format))
    throw new BlockError('REF-E-FORMAT', { format });
  const path = pathOf(file);
  if (!MAKING.has(format)) throw new BlockError('REF-E-FORMAT-CREATE', { format });
  if (path === null) throw new BlockError('REF-E-PROTOCOL-CREATE', { protocol: 'null-co' });
  if (backing !== null && format !== 'qbm') throw new BlockError('REF-E-FORMAT-BACKING', { format });
  if (backing?.filename === file) throw new BlockError('REF-E-OWN-BACKING');
  return making(machine, path, (wasThere) => {
    if (format === 'qbm') return makeQbm(machine, path, image, wasThere);
    const made = wasThere ? machine.storage.open(path, { write: true }) : machine.storage.create(path);
    try {
      made.truncate(image.size);
    } finally {
      made.close();
    }
    return [];
  });
}

function makeQbm(
  { storage, makeHash }: Machine,
  path: string,
  { size, backing, allocation = backing !== null }: NewImage,
  wasThere: boolean,
): readonly string[] {
  const below = backing === null ? null : refOf(backing, backing, path);
  return createImage(storage, path, { size, backing: below, allocation, makeHash, overEmpty: wasThere });
}

/** @param make returns the files that it made besides */
function making(machine: Machine, path: string, make: (wasThere: boolean) => readonly string[]): () => void {
  const { storage } = machine;
  let made: readonly string[] = [];
  try {
    if (path === '') throw new StorageError('ENOENT', path);
    const wasThere = storage.kind(path) !== null;
    if (wasThere) checkEmpty(machine, path);
    const undo = (): void => {
      for (const name of made) remove(machine, name);
      if (wasThere) emptyAgain(machine, path);
      else remove(machine, path);
    };
    try {
      made = make(wasThere).filter((name) => name !== path);
    } catch (error) {
      undo();
      throw error;
    }
    return undo;
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    if (error.errno === 'EAGAIN') throw new BlockError('REF-E-LOCKED', { permission: 'write' });
    throw new JobError('JOB-E-CREATE', { file: path, reason: reasonOf(error.errno) });
  }
}

/** @throws BlockError REF-E-LOCKED, QbmError QBM-E-EXISTS, StorageError */
function checkEmpty(machine: Machine, path: string): void {
  checkUsers(machine, path);
  const file = machine.storage.open(path, { write: true });
  try {
    if (file.size > 0) throw new QbmError('QBM-E-EXISTS', { file: path });
  } finally {
    file.close();
  }
}

/** What the name of an image means: a file, or null for `null-co://`. @throws BlockError REF-E-PROTOCOL */
export function pathOf(name: string): string | null {
  const protocol = /^([^/:]*):/.exec(name)?.[1];
  if (protocol === undefined) return name;
  if (protocol === 'file') return name.slice('file:'.length);
  if (name === 'null-co://') return null;
  throw new BlockError('REF-E-PROTOCOL', { protocol });
}

function remove({ storage }: Machine, file: string): void {
  unlessRefused(() => {
    storage.remove(file);
    storage.flushDirectory(file);
  });
}

function emptyAgain({ storage }: Machine, path: string): void {
  unlessRefused(() => {
    const file = storage.open(path, { write: true });
    try {
      file.truncate(0);
    } finally {
      file.close();
    }
  });
}

function unlessRefused(action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
  }
}
