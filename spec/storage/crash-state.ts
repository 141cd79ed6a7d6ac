/** One state that a crash may leave a disk in: its files, what makes it different from others, and how it came about. */
import type { Choice, Possible } from './crash-disk.js';
import type { Picks } from './crash-picks.js';
import { describeOperation, type FileId, type Mark, type Recording } from './recording.js';
import { SECTOR, SectorFile } from './recording-file.js';
import { at, type Fingerprint, mix, NOTHING, ofText, xor } from './recording-fingerprint.js';
import { FileTree } from './tree.js';

/** More lines of a description than this help nobody. */
const LINES = 40;

/** Where in a recording a crash happens. */
export interface CrashPoint {
  readonly recording: Recording;
  /** operations done */
  readonly point: number;
  readonly marks: readonly Mark[];
  readonly possible: Possible;
}

export class CrashState {
  readonly #at: CrashPoint;
  readonly #picks: Picks;
  readonly #files: ReadonlyMap<string, SectorFile>;
  #storage: FileTree<SectorFile> | undefined;
  /** The same for two states with the same names and bytes, of which the same names are of one file. */
  readonly key: string;

  /** @param picks copied */
  constructor(at: CrashPoint, picks: Picks) {
    this.#at = at;
    this.#picks = picks.slice();
    this.#files = filesOf(at.possible, picks);
    this.key = keyOf(this.#files);
  }

  /** Operations of the recording that were done, the last of them perhaps only in part. */
  get point(): number {
    return this.#at.point;
  }

  /** The marks made by then: what had been promised. */
  get marks(): readonly Mark[] {
    return this.#at.marks;
  }

  /** The disk as it is found, for one use: what is written there changes this state and no other. */
  get storage(): FileTree<SectorFile> {
    this.#storage ??= new FileTree(() => new SectorFile(), this.#files);
    return this.#storage;
  }

  /** Some lines for a person: where the crash was and what of each thing that was not yet durable is found. */
  describe(): string {
    const { recording, point, possible } = this.#at;
    const last = recording.operations[point - 1];
    const lines = [
      `crash after ${point} of ${recording.operations.length} operations${
        last === undefined ? '' : `, the last: ${describeOperation(point, last)}`
      }`,
    ];
    const found = possible.choices.map((choice, place) => ({ choice, version: this.#picks[place]! }));
    lines.push(...found.map(({ choice, version }) => this.#lineOf(choice, version)));
    const more = lines.length - LINES;
    return (more > 0 ? [...lines.slice(0, LINES), `  and ${more} more`] : lines).join('\n');
  }

  #lineOf(choice: Choice, version: number): string {
    const { operations } = this.#at.recording;
    const { by } = choice.versions[version]!;
    const from = by === 0 ? 'as last flushed' : `of ${describeOperation(by, operations[by - 1]!)}`;
    const newer = new Set(choice.versions.slice(version + 1).map((one) => one.by));
    newer.delete(by);
    const lost = newer.size === 0 ? '' : `; lost: ${[...newer].map((number) => `#${number}`).join(', ')}`;
    return `  ${this.#what(choice, version)}: ${from}${lost}`;
  }

  #what(choice: Choice, version: number): string {
    const label = (id: FileId): string => `${this.#at.possible.files.get(id)?.label} (file ${id})`;
    if (choice.of === 'name') {
      const id = choice.versions[version]!.value;
      return `name ${choice.name}, ${id === null ? 'missing' : `is ${label(id)}`}`;
    }
    if (choice.of === 'size')
      return `size of ${label(choice.file)}, ${choice.versions[version]!.value} bytes`;
    const start = choice.index * SECTOR;
    return `bytes ${start} to ${start + SECTOR - 1} of ${label(choice.file)}`;
  }
}

function filesOf(possible: Possible, picks: Picks): Map<string, SectorFile> {
  const files = new Map<FileId, SectorFile>();
  const fileOf = (id: FileId): SectorFile => {
    let file = files.get(id);
    if (file === undefined) {
      const { size, sectors } = possible.files.get(id)!;
      file = new SectorFile(size, sectors);
      files.set(id, file);
    }
    return file;
  };
  const names = new Map<string, SectorFile>();
  const settle = (name: string, id: FileId | null | undefined): void => {
    if (id === null || id === undefined) names.delete(name);
    else names.set(name, fileOf(id));
  };
  for (const [name, id] of possible.names) settle(name, id);
  possible.choices.forEach((choice, place) => {
    if (choice.of === 'name') settle(choice.name, choice.versions[picks[place]!]!.value);
  });
  // Sectors first: the end cuts off what lies past it. A sector that was ever cut off is one of the choices.
  possible.choices.forEach((choice, place) => {
    if (choice.of === 'sector') {
      files.get(choice.file)?.put(choice.index, choice.versions[picks[place]!]!.value);
    }
  });
  possible.choices.forEach((choice, place) => {
    if (choice.of === 'size') files.get(choice.file)?.end(choice.versions[picks[place]!]!.value);
  });
  return names;
}

function keyOf(files: ReadonlyMap<string, SectorFile>): string {
  let print = NOTHING;
  const first = new Map<SectorFile, Fingerprint>();
  // By name, so that of the names of one file the same one comes first in every state.
  for (const name of [...files.keys()].sort()) {
    const file = files.get(name)!;
    const named = ofText(name);
    // A second name of a file has the first one for its content.
    const content = first.get(file) ?? at(file.size, file.print);
    if (!first.has(file)) first.set(file, named);
    print = xor(print, { high: mix(named.high, content.high), low: mix(named.low, content.low) });
  }
  return (print.high >>> 0).toString(36) + (print.low >>> 0).toString(36).padStart(7, '0');
}
