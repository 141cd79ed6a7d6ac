/** `null-co`: a disk of any size that keeps nothing. What is read is zeros here; QEMU promises that only on request. */
import { jsonObject } from '../../json/value.js';
import { writeJson } from '../../json/write.js';
import { BlockError } from '../errors.js';
import { SECTOR } from '../node.js';
import type { DriverStatus } from '../status.js';
import type { Driver, PreparedReopen } from './driver.js';

/** 1 GiB. */
export const DEFAULT_NULL_SIZE = 2 ** 30;

/** 2^63−1 ns; a negative one came as one beyond (QMP-024). */
const LARGEST_LATENCY = 2n ** 63n - 1n;

export interface NullOptions {
  /** bytes */
  readonly size?: number | bigint | undefined;
  readonly latencyNs?: number | bigint | undefined;
  readonly readZeroes?: boolean | undefined;
}

/** @throws BlockError REF-E-NEGATIVE, REF-E-LATENCY, REF-E-TOO-LARGE */
export function openNull(options: NullOptions): Driver {
  const size = options.size ?? DEFAULT_NULL_SIZE;
  // A negative size arrives here in QEMU, too, and ends it with this very text.
  if (size < 0) throw new BlockError('REF-E-NEGATIVE', { name: 'size' });
  if (options.latencyNs !== undefined && options.latencyNs > LARGEST_LATENCY)
    throw new BlockError('REF-E-LATENCY');
  if (size > Number.MAX_SAFE_INTEGER - SECTOR) throw new BlockError('REF-E-TOO-LARGE');
  return new NullDriver(Number(size), options);
}

class NullDriver implements Driver {
  readonly name = 'null-co';
  readonly clusterSize = null;
  readonly hasDirtyFlag = false;
  readonly canDiscard = false;
  readonly cannotZero = true;
  readonly #size: number;
  readonly #options: NullOptions;

  constructor(size: number, options: NullOptions) {
    this.#size = size;
    this.#options = options;
  }

  length(): number {
    return this.#size;
  }

  read(_offset: number, into: Uint8Array): void {
    into.fill(0);
  }

  write(): void {}

  zero(): void {}

  discard(): void {}

  /** Without read-zeroes what is read is anything. */
  status(offset: number, length: number): DriverStatus {
    return { length, content: this.#options.readZeroes === true ? 'zero' : 'unknown', at: { offset } };
  }

  flush(): void {}

  truncate(): void {
    throw new BlockError('REF-E-NO-RESIZE');
  }

  reopen(): PreparedReopen {
    return {};
  }

  close(): void {}

  follows(): boolean {
    return false; // it has no child
  }

  readonly isProtocol = true;

  filename(): string {
    const { size, readZeroes } = this.#options;
    return size === undefined && readZeroes === undefined
      ? 'null-co://'
      : `json:${writeJson(this.describe())}`;
  }

  describe() {
    const shown = jsonObject({ driver: 'null-co' });
    if (this.#options.size !== undefined) shown.size = this.#size;
    if (this.#options.readZeroes !== undefined) shown['read-zeroes'] = this.#options.readZeroes;
    return shown;
  }
}
