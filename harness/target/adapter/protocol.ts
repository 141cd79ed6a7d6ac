/**
 * The adapter protocol v1: how an implementation without a QMP server takes part. One JSON object a line, the request
 * on the adapter's stdin, the answer on its stdout, in turn. ../schema/adapter-v1-request.schema.json and
 * schema/adapter-v1-response.schema.json define it.
 *
 * 64-bit values are decimal strings, in both directions. Expectations are never sent.
 */

import type { Trust } from '../target.js';

/** Decimal digits: bytes. */
export type Decimal = string;

export type BitmapOp =
  | {
      readonly op: 'bitmap-add';
      readonly node: string;
      readonly name: string;
      readonly granularity?: Decimal;
      readonly persistent?: boolean;
      readonly disabled?: boolean;
    }
  | {
      readonly op: 'bitmap-remove' | 'bitmap-clear' | 'bitmap-enable' | 'bitmap-disable';
      readonly node: string;
      readonly name: string;
    }
  | {
      readonly op: 'bitmap-merge';
      readonly node: string;
      readonly target: string;
      readonly bitmaps: readonly (string | { readonly node: string; readonly name: string })[];
    };

export type Op =
  | BitmapOp
  | { readonly op: 'transaction'; readonly actions: readonly (BitmapOp | { readonly op: 'abort' })[] }
  | {
      readonly op: 'read';
      readonly node: string;
      readonly offset: Decimal;
      readonly length: Decimal;
      readonly pattern?: number;
    }
  | {
      readonly op: 'write';
      readonly node: string;
      readonly offset: Decimal;
      readonly length: Decimal;
      readonly pattern: number;
      readonly fua?: boolean;
    }
  | {
      readonly op: 'zero';
      readonly node: string;
      readonly offset: Decimal;
      readonly length: Decimal;
      readonly unmap?: boolean;
    }
  | { readonly op: 'discard'; readonly node: string; readonly offset: Decimal; readonly length: Decimal }
  | { readonly op: 'flush'; readonly node: string }
  | { readonly op: 'resize'; readonly node: string; readonly size: Decimal };

/** A file of a QBM image; `size`: so many zeros. */
export type File =
  | { readonly name: string; readonly content: string }
  | { readonly name: string; readonly size: Decimal };

/** A request without its `seq`. */
export type Request =
  | { readonly cmd: 'hello'; readonly protocol: 1 }
  | { readonly cmd: 'reset' }
  | {
      readonly cmd: 'open';
      readonly node: string;
      readonly size: Decimal;
      readonly driver: 'format' | 'null-co';
      readonly readOnly?: boolean;
      readonly discard?: 'ignore' | 'unmap';
    }
  | { readonly cmd: 'close'; readonly node: string }
  | { readonly cmd: 'apply'; readonly ops: readonly Op[] }
  | { readonly cmd: 'observe'; readonly node: string }
  | { readonly cmd: 'load'; readonly files: readonly File[] }
  | {
      readonly cmd: 'inspect';
      readonly name: string;
      readonly trust: Trust;
      readonly verify?: 'checksums';
    }
  | { readonly cmd: 'check'; readonly name: string; readonly trust: Trust; readonly repair?: true }
  | { readonly cmd: 'bye' };

/** An error is known by its id in the rules; `message` is for people. */
export interface Failed {
  readonly error: string;
  readonly message?: string;
}

export interface Skipped {
  readonly skipped: true;
  readonly reason: string;
  readonly link?: string;
}

/** What became of an operation. `errno` and `mismatch` are outcomes of guest I/O. */
export type Result =
  | { readonly ok: true }
  | Failed
  | Skipped
  | { readonly errno: string }
  | { readonly mismatch: { readonly at: Decimal; readonly found: number } };

export interface Hello {
  readonly protocol: 1;
  readonly name: string;
  readonly version: string;
  readonly homepage?: string;
  readonly capabilities: readonly string[];
}

export interface Applied {
  readonly results: readonly Result[];
}

export interface ObservedBitmap {
  readonly name: string;
  readonly granularity: Decimal;
  readonly count: Decimal;
  readonly recording: boolean;
  readonly busy: boolean;
  readonly persistent: boolean;
  readonly inconsistent: boolean;
  readonly dirty: readonly (readonly [offset: Decimal, length: Decimal])[] | null;
  readonly sha256?: string | null;
}

export interface Observed {
  readonly size: Decimal;
  readonly bitmaps: readonly ObservedBitmap[];
}

export interface FoundBitmap {
  readonly name: string;
  readonly type: 'dirty' | 'allocation';
  readonly granularity: Decimal;
  readonly recording: boolean;
  readonly inconsistent: boolean;
  /** what the set bits stand for; null of an inconsistent bitmap */
  readonly areas: readonly (readonly [offset: Decimal, length: Decimal])[] | null;
}

/** A QBM image that opens. */
export interface Inspected {
  readonly size: Decimal;
  readonly bitmaps: readonly FoundBitmap[];
  readonly backing?: { readonly file: string; readonly format: string };
}

/** One that does not; `line` and `column` of the fault in the descriptor are for people, as `message` is. */
export interface Refused extends Failed {
  readonly line?: number;
  readonly column?: number;
}

export interface Finding {
  readonly id: string;
  readonly severity: 'error' | 'damage' | 'leftover';
  readonly bitmap?: string;
}

export interface Checked {
  readonly findings: readonly Finding[];
  readonly repaired?: readonly Finding[];
}

/** What answers each request. */
export interface Answers {
  readonly hello: Hello;
  readonly reset: { readonly ok: true };
  readonly open: { readonly ok: true } | Failed | Skipped;
  readonly close: { readonly ok: true } | Failed | Skipped;
  readonly apply: Applied;
  readonly observe: Observed | Failed | Skipped;
  readonly load: { readonly ok: true } | Skipped;
  readonly inspect: Inspected | Refused | Skipped;
  readonly check: Checked | Refused | Skipped;
  readonly bye: { readonly ok: true };
}
