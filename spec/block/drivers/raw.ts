/**
 * `raw`: its child as it is, or the part of it from `offset`, `size` bytes long. Without a size it is as long as the
 * child allows, also when the child's length changes.
 */
import { type Json, jsonObject } from '../../json/value.js';
import { writeJson } from '../../json/write.js';
import type { Edge, Use } from '../edge.js';
import { BlockError } from '../errors.js';
import { dataEvent, type Leg, type Passing } from '../held/route.js';
import { SECTOR } from '../node.js';
import { type Permissions, RESIZE, WRITE } from '../permissions.js';
import { discard, flush, read, write, zero } from '../request.js';
import { LARGEST_SIZE, truncate } from '../resize.js';
import type { DriverStatus } from '../status.js';
import type { Driver, PreparedReopen, ReopenRequest } from './driver.js';

export interface RawOptions {
  /** bytes into the child; default 0 */
  readonly offset?: number | undefined;
  /** bytes; default: up to the end of the child */
  readonly size?: number | undefined;
}

/** What a `raw` node is to its child: a filter of the whole of it, or a part that must stay where it is. REF-008 */
export function useByRaw({ offset, size }: RawOptions): Use {
  return size === undefined && (offset ?? 0) === 0 ? 'filtered' : 'part';
}

/** @throws BlockError REF-E-NEGATIVE, REF-E-RAW-OFFSET, REF-E-RAW-SUM, REF-E-RAW-SECTOR, in this order */
export function openRaw(file: Edge, options: RawOptions): Driver {
  checkPart(options, file.child.size);
  return new RawDriver(file, options);
}

function checkPart({ offset = 0, size }: RawOptions, available: number): void {
  if (offset < 0) throw new BlockError('REF-E-NEGATIVE', { name: 'offset' });
  if (size !== undefined && size < 0) throw new BlockError('REF-E-NEGATIVE', { name: 'size' });
  if (offset > available) throw new BlockError('REF-E-RAW-OFFSET', { offset, size: available });
  if (size === undefined) return;
  if (size > available - offset)
    throw new BlockError('REF-E-RAW-SUM', { offset, length: size, size: available });
  if (size % SECTOR !== 0) throw new BlockError('REF-E-RAW-SECTOR');
}

/** `offset` and `size` of a raw node. What is beyond 2^53-1 is beyond any file here too. */
export function rawOptions(specific: ReopenRequest['specific']): RawOptions {
  return { offset: bytes(specific.get('offset')), size: bytes(specific.get('size')) };
}

function bytes(value: Json | undefined): number | undefined {
  if (typeof value === 'bigint') {
    if (value < 0n) return Number(value);
    throw new BlockError('REF-E-SIZE-MAXIMUM', { size: value, maximum: LARGEST_SIZE });
  }
  return value as number | undefined;
}

class RawDriver implements Driver {
  readonly name = 'raw';
  readonly canDiscard = true;

  get unmapsZeros(): boolean {
    return this.#file.child.driver.unmapsZeros === true;
  }
  readonly #file: Edge;
  #options: RawOptions;

  constructor(file: Edge, options: RawOptions) {
    this.#file = file;
    this.#options = options;
  }

  get #offset(): number {
    return this.#options.offset ?? 0;
  }

  get clusterSize(): number | null {
    return this.#file.child.driver.clusterSize;
  }

  get hasDirtyFlag(): boolean {
    return this.#file.child.driver.hasDirtyFlag;
  }

  length(): number {
    return this.#options.size ?? Math.max(this.#file.child.size - this.#offset, 0);
  }

  read(offset: number, into: Uint8Array): void {
    const length = this.#within(offset, into.length);
    this.#file.child.driver.debugEvent?.('read_aio');
    read(this.#file.child, this.#offset + offset, into.subarray(0, length));
    into.fill(0, length);
  }

  write(offset: number, bytes: Uint8Array): void {
    this.#file.child.driver.debugEvent?.('write_aio');
    write(this.#file.child, this.#offset + offset, bytes.subarray(0, this.#within(offset, bytes.length)));
  }

  zero(offset: number, length: number): void {
    zero(this.#file.child, this.#offset + offset, this.#within(offset, length));
  }

  discard(offset: number, length: number): void {
    discard(this.#file.child, this.#offset + offset, this.#within(offset, length));
  }

  *route({ op, offset, length }: Passing): Iterable<Leg> {
    const place = { offset: this.#offset + offset, length: this.#within(offset, length) };
    yield { op, ...place, node: this.#file.child, event: dataEvent(op) };
  }

  /** How much of a request lies inside the child. REF-013 */
  #within(offset: number, length: number): number {
    return Math.max(0, Math.min(length, this.#file.child.size - this.#offset - offset));
  }

  status(offset: number, length: number): DriverStatus {
    const inside = this.#within(offset, length);
    if (inside === 0) return { length, content: 'zero' };
    return {
      length: inside,
      content: 'child',
      at: { node: this.#file.child, offset: this.#offset + offset },
    };
  }

  flush(): void {
    flush(this.#file.child);
  }

  truncate(size: number): void {
    if (this.#options.size !== undefined) throw new BlockError('REF-E-RAW-FIXED');
    if (size > Number.MAX_SAFE_INTEGER - this.#offset) throw new BlockError('REF-E-RAW-LARGE');
    truncate(this.#file.child, this.#offset + size);
  }

  readonly mutable = new Set(['offset', 'size']);

  /** Another part of the child, or all of it. REF-037 */
  reopen({ specific }: ReopenRequest): PreparedReopen {
    const options = rawOptions(specific);
    checkPart(options, this.#file.child.size);
    const { use } = this.#file;
    const before = this.#options;
    this.#file.use = useByRaw(options);
    return {
      resize: () => {
        this.#options = options;
      },
      abort: () => {
        this.#file.use = use;
        this.#options = before;
      },
    };
  }

  checkFile(): void {}

  close(): void {}

  follows(): boolean {
    return this.#options.size === undefined;
  }

  /** It writes only what its own users write. */
  childPermissions(_file: Edge, own: Permissions, { needs, shares }: Permissions): Permissions {
    const written = WRITE | RESIZE;
    return { needs: (needs & ~written) | (own.needs & written), shares };
  }

  filename(): string {
    const whole = this.#options.size === undefined && this.#options.offset === undefined;
    const { driver, filename } = this.#file.child;
    // Of a format within, the name alone would not say that it is one.
    const isPlain = driver.isProtocol === true && !filename.startsWith('json:');
    return whole && isPlain ? filename : `json:${writeJson(this.describe())}`;
  }

  describe() {
    const shown = jsonObject({ driver: 'raw' });
    if (this.#options.offset !== undefined) shown.offset = this.#options.offset;
    if (this.#options.size !== undefined) shown.size = this.#options.size;
    shown.file = this.#file.child.shownOptions;
    return shown;
  }
}
