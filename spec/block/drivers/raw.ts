/**
 * `raw`: its child as it is, or the part of it from `offset`, `size` bytes long. Without a size it is as long as the
 * child allows, also when the child's length changes.
 */
import { jsonObject } from '../../json/value.js';
import { writeJson } from '../../json/write.js';
import { BlockError } from '../errors.js';
import { type Edge, type Node, SECTOR } from '../node.js';
import { discard, flush, read, write, zero } from '../request.js';
import { truncate } from '../resize.js';
import type { Driver } from './driver.js';

export interface RawOptions {
  /** bytes into the child; default 0 */
  readonly offset?: number | undefined;
  /** bytes; default: up to the end of the child */
  readonly size?: number | undefined;
}

/** @throws BlockError REF-E-NEGATIVE, REF-E-RAW-OFFSET, REF-E-RAW-SUM, REF-E-RAW-SECTOR, in this order */
export function openRaw(child: Node, options: RawOptions): Driver {
  const { offset = 0, size } = options;
  const available = child.size;
  if (offset < 0) throw new BlockError('REF-E-NEGATIVE', { name: 'offset' });
  if (size !== undefined && size < 0) throw new BlockError('REF-E-NEGATIVE', { name: 'size' });
  if (offset > available) throw new BlockError('REF-E-RAW-OFFSET', { offset, size: available });
  if (size !== undefined) {
    if (size > available - offset)
      throw new BlockError('REF-E-RAW-SUM', { offset, length: size, size: available });
    if (size % SECTOR !== 0) throw new BlockError('REF-E-RAW-SECTOR');
  }
  return new RawDriver(child, options);
}

class RawDriver implements Driver {
  readonly name = 'raw';
  readonly canDiscard = true;
  readonly #child: Node;
  readonly #options: RawOptions;
  readonly #offset: number;

  constructor(child: Node, options: RawOptions) {
    this.#child = child;
    this.#options = options;
    this.#offset = options.offset ?? 0;
  }

  get clusterSize(): number | null {
    return this.#child.driver.clusterSize;
  }

  get hasDirtyFlag(): boolean {
    return this.#child.driver.hasDirtyFlag;
  }

  length(): number {
    return this.#options.size ?? Math.max(this.#child.size - this.#offset, 0);
  }

  read(offset: number, into: Uint8Array): void {
    const length = this.#within(offset, into.length);
    read(this.#child, this.#offset + offset, into.subarray(0, length));
    into.fill(0, length);
  }

  write(offset: number, bytes: Uint8Array): void {
    write(this.#child, this.#offset + offset, bytes.subarray(0, this.#within(offset, bytes.length)));
  }

  zero(offset: number, length: number): void {
    zero(this.#child, this.#offset + offset, this.#within(offset, length));
  }

  discard(offset: number, length: number): void {
    discard(this.#child, this.#offset + offset, this.#within(offset, length));
  }

  /** How much of a request lies inside the child. REF-013 */
  #within(offset: number, length: number): number {
    return Math.max(0, Math.min(length, this.#child.size - this.#offset - offset));
  }

  flush(): void {
    flush(this.#child);
  }

  truncate(size: number): void {
    if (this.#options.size !== undefined) throw new BlockError('REF-E-RAW-FIXED');
    if (size > Number.MAX_SAFE_INTEGER - this.#offset) throw new BlockError('REF-E-RAW-LARGE');
    truncate(this.#child, this.#offset + size);
  }

  close(): void {}

  follows(): boolean {
    return this.#options.size === undefined;
  }

  /** A part of the child must stay where it is: REF-008. */
  sharesResize(edge: Edge): boolean {
    return edge.child !== this.#child || (this.#options.size === undefined && this.#offset === 0);
  }

  filename(): string {
    const whole = this.#options.size === undefined && this.#options.offset === undefined;
    const child = this.#child.filename;
    return whole && !child.startsWith('json:') ? child : `json:${writeJson(this.describe())}`;
  }

  describe() {
    const shown = jsonObject({ driver: 'raw' });
    if (this.#options.offset !== undefined) shown.offset = this.#options.offset;
    if (this.#options.size !== undefined) shown.size = this.#options.size;
    shown.file = this.#child.driver.describe();
    return shown;
  }
}
