/**
 * A tree of files in memory that writes down every operation that reaches "the disk", in order. What a crash at any moment
 * of it may leave behind is for `crash.ts` to say; what a program had promised by then, for the marks.
 */
import { SectorFile } from './recording-file.js';
import { type Change, FileTree } from './tree.js';

/** Stands for a file whatever its name is by now: files of the start in order of their names, then those created. */
export type FileId = number;

/** One operation. `name` is the file's when it was opened, for people; `flush-directory` has no file. */
export type Operation = Change & { readonly name: string; readonly file: FileId | null };

/** A moment of a recording: when `at` operations had been done. */
export interface Mark {
  readonly at: number;
  readonly label: string;
}

/** What is known of a run, all that a crash depends on. */
export interface Recording {
  /** durable from the beginning, with ids in this order */
  readonly start: readonly (readonly [name: string, file: SectorFile])[];
  readonly operations: readonly Operation[];
  readonly marks: readonly Mark[];
}

export class RecordingStorage extends FileTree<SectorFile> implements Recording {
  readonly start: readonly (readonly [name: string, file: SectorFile])[];
  readonly operations: Operation[] = [];
  readonly marks: Mark[] = [];
  readonly #ids = new Map<SectorFile, FileId>();

  /**
   * @param start what is on the disk, durable, before anything is done: bytes, a number of zeros, or a file of another
   *   tree (say, of a state after a crash: how a recovery fares that crashes, too); that other tree stays as it is
   */
  constructor(start: Iterable<readonly [name: string, content: number | Uint8Array | SectorFile]> = []) {
    const copies = new Map<SectorFile, SectorFile>();
    const copyOf = (file: SectorFile): SectorFile => {
      const copy = copies.get(file) ?? file.copy();
      copies.set(file, copy);
      return copy;
    };
    const files = [...start].map(([name, content]) => {
      return [name, content instanceof SectorFile ? copyOf(content) : SectorFile.of(content)] as const;
    });
    super(() => new SectorFile(), files);
    const frozen = new Map<SectorFile, SectorFile>();
    this.start = this.files().map(([name, file]) => {
      if (!this.#ids.has(file)) this.#ids.set(file, this.#ids.size);
      const still = frozen.get(file) ?? file.copy();
      frozen.set(file, still);
      return [name, still] as const;
    });
  }

  /** Notes that something happened between the operations done and those to come, as "guest write 7 returned". */
  mark(label: string): void {
    this.marks.push({ at: this.operations.length, label });
  }

  protected override changed(name: string, file: SectorFile | null, change: Change): void {
    if (file !== null && !this.#ids.has(file)) this.#ids.set(file, this.#ids.size);
    const id = file === null ? null : (this.#ids.get(file) ?? null);
    // The caller may use its buffer again.
    const kept = change.op === 'write' ? { ...change, bytes: change.bytes.slice() } : change;
    this.operations.push({ ...kept, name, file: id });
  }
}

/** One line about an operation, for a person. @param number counted from 1 */
export function describeOperation(number: number, operation: Operation): string {
  return `#${number} ${textOf(operation)}`;
}

function textOf(operation: Operation): string {
  const { name } = operation;
  switch (operation.op) {
    case 'write':
      return `write ${name}, ${operation.bytes.length} bytes at ${operation.offset}`;
    case 'zero':
      return `zero ${name}, ${operation.length} bytes at ${operation.offset}`;
    case 'truncate':
      return `truncate ${name} to ${operation.size} bytes`;
    case 'rename':
      return `rename ${name} to ${operation.to}`;
    case 'flush-directory':
      return `flush the directory of ${name}`;
    default:
      return `${operation.op} ${name}`;
  }
}
