/** A storage that counts what is done to it and ends what does too much: a reader's work is bounded by what it reads. */
import { MemoryStorage } from '../../../spec/storage/memory-storage.js';
import type { OpenMode, StorageFile } from '../../../spec/storage/storage.js';

/** Of one reader of one sample: openings of files, and bytes read. Ten times what the largest vector takes. */
export const LIMITS = { opens: 100_000, bytes: 2 ** 26 } as const;
/** Bytes that are read or written of one large file: its checksum or its bits may be asked for, and cost what they cost. */
const LARGE = 2 ** 22;

/** A reader that goes on and on. */
export class TooMuchWork extends Error {
  constructor(what: string) {
    super(`too much work: ${what}`);
    this.name = 'TooMuchWork';
  }
}

/** A sample that is right to take long: its files are large. */
export class TooLarge extends Error {}

export class CountedStorage extends MemoryStorage {
  opens = 0;
  bytes = 0;
  /** what changed something, or could have */
  readonly touched: string[] = [];

  override open(name: string, mode: OpenMode = {}): StorageFile {
    if (++this.opens > LIMITS.opens) throw new TooMuchWork(`${this.opens} files opened`);
    const file = super.open(name, mode);
    if (mode.write) this.touched.push(`open ${name} for writing`);
    const read = file.read.bind(file);
    let own = 0;
    file.read = (offset, into) => {
      this.bytes += into.length;
      own += into.length;
      if (own > LARGE && file.size > LARGE) throw new TooLarge(name);
      if (this.bytes > LIMITS.bytes) throw new TooMuchWork(`${this.bytes} bytes read`);
      read(offset, into);
    };
    const write = file.write.bind(file);
    file.write = (offset, bytes) => {
      own += bytes.length;
      if (own > LARGE) throw new TooLarge(name); // a repair fills it
      write(offset, bytes);
    };
    return file;
  }

  override create(name: string): StorageFile {
    super.create(name).close();
    this.touched.push(`create ${name}`);
    return this.open(name, { write: true });
  }

  override rename(from: string, to: string): void {
    this.touched.push(`rename ${from}`);
    super.rename(from, to);
  }

  override remove(name: string): void {
    this.touched.push(`remove ${name}`);
    super.remove(name);
  }

  override flushDirectory(name: string): void {
    this.touched.push(`flush the directory of ${name}`);
    super.flushDirectory(name);
  }
}
