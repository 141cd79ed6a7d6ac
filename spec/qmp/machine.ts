/**
 * The whole specification as one machine: commands in, replies out, guest requests beside them. Deterministic: the
 * same history gives the same bytes (DESIGN C2). It has no clock, opens nothing, and waits for nothing.
 */
import type { Sha256 } from '../bitmap/serialise.js';
import { Devices } from '../block/device/devices.js';
import type { ThrottleGroup } from '../block/drivers/throttle-group.js';
import { BlockError } from '../block/errors.js';
import { Graph } from '../block/graph.js';
import { type GuestRequest, guestRequest, passingOf } from '../block/guest.js';
import type { HeldRequest, Ticket } from '../block/held/held-requests.js';
import type { Errno } from '../block/request-error.js';
import { verifyGraph } from '../block/verify.js';
import { NodeDisk } from '../io/disk.js';
import { Jobs, type Pacing } from '../job/jobs.js';
import type { Json, JsonObject } from '../json/value.js';
import { Exports, type NbdListener } from '../nbd/exports.js';
import { Refusal } from '../refusal.js';
import { reasonOf } from '../storage/reason.js';
import { type Storage, StorageError } from '../storage/storage.js';
import { COMMANDS } from './command-table.js';
import { BlockdevOptions } from './commands/blockdev-options.js';
import { QmpError } from './errors.js';
import type { MachineLike } from './monitor.js';
import { openNode } from './open/open.js';
import { type CommandRequest, parseArguments, runCommand } from './validate.js';

/** What a machine is given from outside. */
export interface Surroundings {
  readonly storage: Storage;
  /** starts a SHA-256: the specification computes none itself */
  readonly makeHash: () => Sha256;
  /** what the crash marker of an image says to people: who had it open; default: the reference */
  readonly writer?: string;
  /** what the process that this stands for would print: results of qemu-io (QMP-050); default: nobody reads it */
  readonly print?: (stream: 'stdout' | 'stderr', text: string) => void;
  /** where NBD clients come from; default: nowhere, but for {@link Exports.connect} */
  readonly listener?: NbdListener;
  /** says when a job may go on, by its speed; default: at any time, as there is no clock here (JOB-018) */
  readonly pacing?: Pacing;
}

/** What comes of {@link Machine.io}: the bytes read (empty for other requests), or the errno that the guest gets. */
export type IoResult = Uint8Array | Errno;

export class Machine implements MachineLike {
  readonly graph = new Graph();
  readonly exports: Exports;
  /** by id */
  readonly objects = new Map<string, ThrottleGroup>();
  /** ids of the iothreads that there are. REF-170 */
  readonly iothreads = new Set<string>();
  readonly jobs: Jobs;
  readonly devices = new Devices(
    this.graph,
    (event) => this.#events.push(event),
    (node) => this.jobs.cancelOn(node),
  );
  readonly storage: Storage;
  readonly makeHash: () => Sha256;
  readonly writer: string;
  readonly print: NonNullable<Surroundings['print']>;
  /** false once `quit` was answered */
  running = true;
  #events: JsonObject[] = [];

  constructor(surroundings: Surroundings) {
    this.storage = surroundings.storage;
    this.makeHash = surroundings.makeHash;
    this.writer = surroundings.writer ?? 'qbm reference';
    this.print = surroundings.print ?? (() => {});
    this.graph.requests.tell = (text) => this.print('stdout', text);
    const { listener = null, pacing } = surroundings;
    this.jobs = new Jobs(this.graph, (event) => this.#events.push(event), pacing);
    this.exports = new Exports(this.graph, (event) => this.#events.push(event), listener);
  }

  /** Runs one command to its reply. @throws QmpError with the id, class and text of a refusal */
  execute(request: CommandRequest): Json {
    return this.#answer(() => runCommand(COMMANDS, this, request));
  }

  /**
   * A drive with the node of `options`, which are those of blockdev-add, or an empty one, which may be written or not:
   * what `-drive if=none,id=…` makes. REF-100
   * @throws QmpError
   */
  addDrive(id: string, options: JsonObject | null, readOnly = false): void {
    this.#answer(() => {
      const checked = options === null ? null : parseArguments(BlockdevOptions, options);
      const open = checked === null ? null : () => openNode(this, checked, undefined);
      this.devices.addDrive(id, !readOnly, open);
    });
  }

  /** @throws QmpError for what is refused */
  #answer<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      // Refusals of the parts below are answers; anything else that is thrown is a mistake and goes on up.
      if (error instanceof Refusal) throw new QmpError(error.id, 'GenericError', error.message);
      if (error instanceof StorageError) {
        const { file, errno } = error;
        const { id, message } = new BlockError('REF-E-STORAGE', { file, reason: reasonOf(errno) });
        throw new QmpError(id, 'GenericError', message);
      }
      throw error;
    } finally {
      this.#events.push(...this.exports.takeLate());
    }
  }

  /**
   * A guest's request to a node, as through a writable export, for those who cannot wait: where a breakpoint would hold it,
   * nothing is done, and the breakpoint is still there. {@link submit} waits.
   * @throws BlockError REF-E-NO-SUCH, REF-E-HELD
   */
  io(node: string, request: GuestRequest): IoResult {
    const found = this.graph.lookup('', node);
    const held = this.graph.requests.heldBy(found, passingOf(request));
    if (held !== null) throw new BlockError('REF-E-HELD', { node: held.node.name, tag: held.tag });
    return guestRequest(found, request);
  }

  /**
   * The same, for those who can wait: `done` is called with the result, at once if nothing holds the request. REF-090
   * @throws BlockError REF-E-NO-SUCH
   */
  submit(node: string, request: GuestRequest, done: (result: IoResult) => void): Ticket {
    const { graph } = this;
    const use = new NodeDisk(graph, graph.lookup('', node), 0);
    const { edge } = use;
    const ticket = graph.requests.submit({
      edge: () => edge,
      passing: passingOf(request),
      go: () => done(guestRequest(edge.child, request)),
      givenUp: () => done('EIO'),
    });
    use.close();
    return ticket;
  }

  /** Lets go one request that is held no more, or moves one job by one unit; false when nothing can move. JOB-004, REF-092 */
  step(): boolean {
    return this.graph.requests.step() || this.jobs.step();
  }

  /** Steps until nothing moves any more. Returns what is held still: nothing but `resume` lets it go. */
  settle(): readonly HeldRequest[] {
    while (this.step());
    return this.graph.requests.all;
  }

  /** The orderly end: jobs are cancelled, every node that the monitor holds goes, images are closed. @throws StorageError */
  shutDown(): void {
    this.running = false;
    this.graph.requests.cancelAll();
    this.exports.endAll();
    this.jobs.endAll(); // JOB-020
    const failures = this.devices.clear();
    for (const node of this.graph.nodes) {
      node.monitorOwned = false;
      try {
        this.graph.release(node);
      } catch (failure) {
        failures.push(failure); // the other images are closed all the same
      }
    }
    if (failures.length > 0) throw failures[0];
  }

  /** The events since the last call, in order. */
  takeEvents(): JsonObject[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  /**
   * Looks for what must never be, after any command: uses that only one end knows, nodes that nobody holds, permissions
   * that conflict, bitmaps of another size than their node, busy bitmaps without an owner, names twice, held requests whose
   * node is gone. Empty when all is well. REF-011.
   */
  verify(): string[] {
    const held = this.graph.requests.all.flatMap(({ edge }) => edge ?? []);
    const uses = [...this.exports.uses(), ...this.jobs.uses(), ...this.devices.uses(), ...held];
    return verifyGraph(this.graph, uses, this.exports.bitmaps());
  }
}
