/**
 * A disk with a cache that loses power: follows a recording and knows, at each point, what is durable and which versions
 * of what may be there instead. The rules are in the header of `crash.ts`.
 */

import type { FileId, Operation, Recording } from './recording.js';
import {
  type Replaced,
  SECTOR,
  type Sector,
  SectorFile,
  type Sectors,
  sameSector,
} from './recording-file.js';

/** One of the things that may be found, and the operation (from 1; 0: durable) that made it so. */
export interface Version<T> {
  readonly value: T;
  readonly by: number;
}

/** What is open at a point. Versions stand in order: the first is the durable one, the last what the program saw. */
export type Choice =
  | { readonly of: 'name'; readonly name: string; readonly versions: readonly Version<FileId | null>[] }
  | { readonly of: 'size'; readonly file: FileId; readonly versions: readonly Version<number>[] }
  | {
      readonly of: 'sector';
      readonly file: FileId;
      readonly index: number;
      readonly versions: readonly Version<Sector | null>[];
    };

/** What is settled of a file: what was durable, under any name it may be found by. */
export interface DurableFile {
  readonly label: string;
  readonly size: number;
  readonly sectors: Sectors;
}

/** All that may be on the disk at a point: the settled part, and the choices, each independent of the others. */
export interface Possible {
  readonly names: ReadonlyMap<string, FileId>;
  readonly files: ReadonlyMap<FileId, DurableFile>;
  readonly choices: readonly Choice[];
}

interface DiskFile {
  readonly label: string;
  live: SectorFile;
  size: number;
  sectors: Sectors;
  /** more than one version, or none */
  sizes: Version<number>[];
  readonly changed: Map<number, Version<Sector | null>[]>;
}

export class CrashDisk {
  readonly #files = new Map<FileId, DiskFile>();
  /** durable */
  readonly #names = new Map<string, FileId>();
  readonly #changedNames = new Map<string, Version<FileId | null>[]>();
  #operations = 0;

  constructor(recording: Recording) {
    const ids = new Map<SectorFile, FileId>();
    for (const [name, file] of recording.start) {
      const id = ids.get(file) ?? ids.size;
      if (!ids.has(file)) this.#files.set(id, fileOf(name, file));
      ids.set(file, id);
      this.#names.set(name, id);
    }
  }

  /** The next operation of the recording. */
  apply(operation: Operation): void {
    this.#operations += 1;
    const { name, file: id } = operation;
    if (id === null) {
      this.#flushDirectory(name);
      return;
    }
    if (operation.op === 'create') this.#files.set(id, fileOf(name, new SectorFile()));
    const file = this.#files.get(id);
    if (file === undefined) throw new Error(`the recording uses file ${id} (${name}) before it is created`);
    if (operation.op === 'create') this.#name(name, id);
    else if (operation.op === 'remove') this.#name(name, null);
    else if (operation.op === 'rename') {
      this.#name(name, null);
      this.#name(operation.to, id);
    } else if (operation.op === 'flush') flushFile(file);
    else this.#change(file, operation);
  }

  possible(): Possible {
    const choices: Choice[] = [];
    const found = new Set(this.#names.values());
    for (const [name, versions] of [...this.#changedNames].sort(([one], [other]) => (one < other ? -1 : 1))) {
      choices.push({ of: 'name', name, versions: [...versions] });
      for (const { value } of versions) if (value !== null) found.add(value);
    }
    const files = new Map<FileId, DurableFile>();
    for (const id of [...found].sort((one, other) => one - other)) {
      const { label, size, sectors, sizes, changed } = this.#files.get(id)!;
      files.set(id, { label, size, sectors });
      if (sizes.length > 0) choices.push({ of: 'size', file: id, versions: [...sizes] });
      for (const [index, versions] of changed) {
        choices.push({ of: 'sector', file: id, index, versions: [...versions] });
      }
    }
    return { names: new Map(this.#names), files, choices };
  }

  #change(file: DiskFile, operation: Operation): void {
    const by = this.#operations;
    const { live } = file;
    const before = live.size;
    for (const [index, old] of changeOf(live, operation)) {
      const versions = file.changed.get(index) ?? [{ value: old, by: 0 }];
      const value = live.get(index);
      if (sameSector(versions.at(-1)!.value, value)) continue;
      file.changed.set(index, [...versions, { value, by }]);
    }
    if (live.size === before) return;
    if (file.sizes.length === 0) file.sizes.push({ value: before, by: 0 });
    // A file system may have moved the end up only as far as it had written.
    if (operation.op === 'write') {
      const from = Math.max(before, operation.offset);
      for (let size = (Math.floor(from / SECTOR) + 1) * SECTOR; size < live.size; size += SECTOR) {
        file.sizes.push({ value: size, by });
      }
    }
    file.sizes.push({ value: live.size, by });
  }

  #name(name: string, value: FileId | null): void {
    const versions = this.#changedNames.get(name) ?? [{ value: this.#names.get(name) ?? null, by: 0 }];
    if (versions.at(-1)!.value === value) return;
    this.#changedNames.set(name, [...versions, { value, by: this.#operations }]);
  }

  #flushDirectory(of: string): void {
    const directory = directoryOf(of);
    for (const [name, versions] of this.#changedNames) {
      if (directoryOf(name) !== directory) continue;
      const { value } = versions.at(-1)!;
      if (value === null) this.#names.delete(name);
      else this.#names.set(name, value);
      this.#changedNames.delete(name);
    }
  }
}

function fileOf(label: string, content: SectorFile): DiskFile {
  const { size } = content;
  return { label, live: content.copy(), size, sectors: content.sectors(), sizes: [], changed: new Map() };
}

function flushFile(file: DiskFile): void {
  if (file.sizes.length === 0 && file.changed.size === 0) return;
  file.sectors = file.live.sectors();
  file.size = file.live.size;
  file.live = new SectorFile(file.size, file.sectors);
  file.sizes = [];
  file.changed.clear();
}

function changeOf(live: SectorFile, operation: Operation): Replaced {
  if (operation.op === 'write') return live.write(operation.offset, operation.bytes);
  if (operation.op === 'zero') return live.zero(operation.offset, operation.length);
  if (operation.op === 'truncate') return live.truncate(operation.size);
  return new Map();
}

function directoryOf(name: string): string {
  return name.slice(0, name.lastIndexOf('/') + 1);
}
