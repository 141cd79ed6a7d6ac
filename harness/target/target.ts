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
export type Reply = Answer & {
  /** the `id` of the request as it came back, if it had one */
  readonly id?: Json;
};

type Answer =
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
  /** of an image that can have a backing file: the node that is it, or null for none */
  readonly backing?: string | null;
  /** made with the node, and holds it in the place of the monitor; for targets with the capability `devices` */
  readonly device?: string;
}

/** Whether the caller vouches for what a descriptor says (QBM-040). */
export type Trust = 'stranger' | 'local';

/** A bitmap of a QBM image as a reader of the image finds it. */
export interface InspectedBitmap {
  readonly name: string;
  readonly type: 'dirty' | 'allocation';
  /** bytes */
  readonly granularity: number;
  /** of a dirty bitmap: not disabled */
  readonly recording: boolean;
  readonly inconsistent: boolean;
  /** what the set bits stand for, in bytes: ascending, maximal, cut at the end of the disk; null if inconsistent */
  readonly areas: readonly { readonly offset: number; readonly length: number }[] | null;
}

/** A QBM image that opens. */
export interface Inspection {
  /** of the disk, bytes */
  readonly size: number;
  /** sorted by name (code units) */
  readonly bitmaps: readonly InspectedBitmap[];
  /** as the descriptor names it */
  readonly backing: { readonly file: string; readonly format: string } | null;
}

/** Why a QBM image does not open. */
export interface FormatRefusal {
  readonly error: {
    /** QBM-E-… */
    readonly id: string;
    /** for people; '' for none */
    readonly text: string;
    /** of the fault in the descriptor, from 1; null if it is elsewhere or the target does not say */
    readonly place: { readonly line: number; readonly column: number } | null;
  };
}

/** What `check` says of a QBM image (QBM-042). */
export interface FormatFinding {
  /** QBM-E-… or QBM-C-… */
  readonly id: string;
  readonly severity: 'error' | 'damage' | 'leftover';
  /** the bitmap that it is about, or null */
  readonly bitmap: string | null;
}

export interface CheckReport {
  /** what was repaired, if that was asked for (QBM-043) */
  readonly repaired: readonly FormatFinding[];
  /** what is to be found now */
  readonly findings: readonly FormatFinding[];
}

/**
 * Files that may be a QBM image, and what a reader of the format finds in them. Names are paths relative to the
 * directory of the case. Every method may reject with a {@link TargetFault} or with {@link Declined}.
 */
export interface FormatPart {
  /** puts a file of these bytes, or of so many zeros, in the place of one that may be there; makes its directories */
  put(name: string, content: Uint8Array | number): Promise<void>;
  /** opens the image as a reader does, with all its bitmaps, and closes it. `verify`: its checksums, too (QBM-030) */
  inspect(
    name: string,
    options: { readonly trust: Trust; readonly verify: boolean },
  ): Promise<Inspection | FormatRefusal>;
  check(
    name: string,
    options: { readonly trust: Trust; readonly repair: boolean },
  ): Promise<CheckReport | FormatRefusal>;
}

/** How an image tool ended. */
export interface ToolOutcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Image tools: `img` as qemu-img, `io` as qemu-io. They run in the directory of the case. */
export interface ToolPart {
  /** what `{format}` stands for in this session: "raw", "qcow2", "qbm" */
  readonly formatName: string;
  /**
   * Runs a tool to its end; `input` is its standard input, from which it need not read.
   *
   * @throws TargetFault
   */
  run(tool: 'img' | 'io', args: readonly string[], input: string): Promise<ToolOutcome>;
}

/** The NBD server that a case starts on a socket of its own, for clients outside of the target. */
export interface NbdPart {
  /** where the sockets of the case really are, and clients run */
  readonly directory: string;
  /** before a client connects: what the harness itself has on the server is gone */
  prepare(): Promise<void>;
  /** runs a real client to its end. @throws TargetFault */
  run(words: readonly string[]): Promise<ToolOutcome>;
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
  /** whether the case is about drives or devices; default: it is not */
  readonly devices?: boolean;
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
  /** for targets with the capability `format`, which are asked about the QBM format itself */
  readonly format?: FormatPart;
  /** for targets with the capabilities `img` and `image-io` */
  readonly tools?: ToolPart;
  /** for targets with the capability `nbd` */
  readonly nbd?: NbdPart;
  /** makes an empty file of `size` bytes, known to the case as `$name` */
  create(name: string, size: number): Promise<void>;
  open(node: string, options: OpenOptions): Promise<Reply>;
  /** an empty drive, for targets with the capability `devices` */
  drive?(id: string, readOnly: boolean): Promise<Reply>;
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
  /** for targets that speak QMP: waits until {@link Session.events} has some; false if none can come */
  moreEvents?(): Promise<boolean>;
  /** for targets that speak QMP: the driver that `{format}` stands for in arguments */
  readonly formatDriver?: string;
  /** the end of what the target printed for people since the case began, if it is a program; '' for nothing */
  stderr?(): string;
  /** what a file of the case has, null if there is none; for targets with the capability `bytes` */
  bytes?(name: string): Promise<Uint8Array | null>;
  /** the end of the case: everything it made is gone, or the target is restarted before the next case */
  end(): Promise<void>;
}

/** What whoever makes a target means to do with it. */
export interface Use {
  /**
   * Commands will be sent before the replies to those before them have come. A program that says in its greeting that it can read
   * ahead of what it does is asked to: then QEMU does not stop and begin reading again at every command, which takes longer than
   * most commands do.
   */
  readonly sendsAhead?: boolean;
}

/** An implementation under test. */
export interface Target {
  /** as the user named it: `reference`, `qsd@/opt/qemu-10/bin`, `adapter:python3 a.py` */
  readonly name: string;
  /** which error table, expected file and normalisers apply */
  readonly kind: 'reference' | 'qemu-system' | 'qsd' | 'qmp' | 'img' | 'adapter';
  /** starts the target if need be; rejects with a {@link TargetFault} ("surroundings") when it cannot be had */
  identify(): Promise<Identity>;
  begin(context: CaseContext): Promise<Session>;
  /** stops and removes everything; safe at any time and more than once */
  close(): Promise<void>;
}
