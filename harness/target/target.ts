/**
 * What the runner needs of an implementation under test, whatever it is: the reference in this process, a program
 * that speaks QMP, or an outsider's adapter.
 */
import type { Json, JsonObject } from '../../spec/json/value.js';

/** What a target says of itself once it has been started. */
export interface Identity {
  /** for a person: "qemu-storage-daemon 7.2.22 (Debian 1:7.2+dfsg-…)" */
  readonly program: string;
  /** "7.2.22" */
  readonly version: string;
  /** names as cases use them in `requires` (the README of cases/ has the list) */
  readonly capabilities: ReadonlySet<string>;
  /** formats that `{format}` and `open` can stand for here: a subset of "raw", "overlay" */
  readonly formats: ReadonlySet<string>;
}

/** The reply to one QMP command. `id` is set by targets that name their errors themselves (reference, adapter). */
export type Reply =
  | { readonly return: Json }
  | { readonly error: { readonly class: string; readonly desc: string; readonly id?: string } };

/** A guest request. Offsets and lengths in bytes. */
export type IoRequest =
  | { readonly op: 'read'; readonly offset: number; readonly length: number; readonly pattern?: number }
  | {
      readonly op: 'write';
      readonly offset: number;
      readonly length: number;
      readonly pattern: number;
      readonly fua?: boolean;
    }
  | { readonly op: 'zero'; readonly offset: number; readonly length: number; readonly unmap?: boolean }
  | { readonly op: 'discard'; readonly offset: number; readonly length: number }
  | { readonly op: 'flush' };

/** `ok`; an errno name as the guest sees it (EIO, EINVAL, ENOSPC, EPERM); or, of a read, where the pattern ends. */
export type IoOutcome =
  | { readonly ok: true }
  | { readonly errno: string }
  | { readonly mismatch: { readonly at: number; readonly found: number } };

/** One bitmap as it is seen from outside. */
export interface BitmapObservation {
  readonly name: string;
  /** bytes */
  readonly granularity: number;
  /** bytes: set bits × granularity */
  readonly count: number;
  readonly recording: boolean;
  readonly busy: boolean;
  readonly persistent: boolean;
  readonly inconsistent: boolean;
  /** dirty areas in bytes, ascending, maximal, cut at the end of the disk; null where the content cannot be read */
  readonly dirty: readonly { readonly offset: number; readonly length: number }[] | null;
  /** as `x-debug-block-dirty-bitmap-sha256`; null where the content cannot be read */
  readonly sha256: string | null;
}

/** A node and its named bitmaps, sorted by name (code units). */
export interface NodeObservation {
  /** virtual size in bytes */
  readonly size: number;
  readonly bitmaps: readonly BitmapObservation[];
}

/** How a node is made by the step `open`: `size` or `existing`, exactly one of them. */
export interface OpenOptions {
  /** of a new image, bytes */
  readonly size?: number;
  /** the image that an earlier `open` of this node made, with all that is in it; of the driver 'format' */
  readonly existing?: boolean;
  readonly driver: 'format' | 'null-co';
  readonly readOnly?: boolean;
  /** what a guest's discard does: default 'unmap' for a node made by `open` */
  readonly discard?: 'ignore' | 'unmap';
  /** when the bitmaps of the image are stored; heeded where the format has such a policy, else of no effect */
  readonly policy?: 'writeback' | 'writethrough';
}

/** What a session may know of its case beforehand. */
export interface CaseContext {
  readonly id: string;
  /** 'raw' or 'overlay' */
  readonly format: string;
  /** one limit for every request, milliseconds */
  readonly limitMs: number;
  /** nodes that the case deletes, resizes or reopens: no lasting export on these (the `io` contract) */
  readonly volatileNodes: ReadonlySet<string>;
}

/** Why a session cannot go on. The target recovers by itself before the next `begin`. */
export class TargetFault extends Error {
  readonly kind: 'crash' | 'hang' | 'garbage' | 'surroundings';
  constructor(kind: TargetFault['kind'], message: string) {
    super(message);
    this.name = 'TargetFault';
    this.kind = kind;
  }
}

/** The target says that it cannot do a step: the case is skipped there, with this reason. No fault. */
export class Declined extends Error {
  /** where the reason is explained, if the target says so */
  readonly link: string | undefined;
  constructor(reason: string, link?: string) {
    super(reason);
    this.name = 'Declined';
    this.link = link;
  }
}

/** One case on one target, from a clean state. Every method may reject with a {@link TargetFault}. */
export interface Session {
  /** where the files of this case are, if the target has files; its text becomes `$` in transcripts */
  readonly directory: string | null;
  /** makes an empty file of `size` bytes, known to the case as `$name` */
  create(name: string, size: number): Promise<void>;
  open(node: string, options: OpenOptions): Promise<Reply>;
  qmp(command: string, args: JsonObject | undefined): Promise<Reply>;
  /** sends `text` as it is, then reads one reply */
  qmpText(text: string): Promise<Reply>;
  io(node: string, request: IoRequest): Promise<IoOutcome>;
  observe(node: string): Promise<NodeObservation | Reply>;
  /**
   * Ends the target and starts it again: the files of the case are as they were, nodes and everything else are gone.
   * `quit`: it ends as its user would end it, and stores what it has to store. `kill`: without any chance to.
   */
  restart(how: 'quit' | 'kill'): Promise<void>;
  /** events since the last call, in order, without the harness's own */
  events(): JsonObject[];
  /** the end of what the target printed for people since the case began, if it is a program; '' for nothing */
  stderr?(): string;
  /** the end of the case: everything it made is gone, or the target is restarted before the next case */
  end(): Promise<void>;
}

/** An implementation under test. */
export interface Target {
  /** as the user named it: `reference`, `qsd@/opt/qemu-10/bin`, `adapter:python3 a.py` */
  readonly name: string;
  /** which error table, expected file and normalisers apply */
  readonly kind: 'reference' | 'qemu-system' | 'qsd' | 'qmp' | 'adapter';
  /** starts the target if need be; rejects with a {@link TargetFault} ("surroundings") when it cannot be had */
  identify(): Promise<Identity>;
  begin(context: CaseContext): Promise<Session>;
  /** stops and removes everything; safe at any time and more than once */
  close(): Promise<void>;
}
