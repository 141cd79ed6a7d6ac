/** A job on nodes: it has a speed and an io-status, and events of its own beside JOB_STATUS_CHANGE. JOBS.md, JOB-015 to JOB-019. */
import type { Op } from '../block/blockers.js';
import type { Edge, Holder } from '../block/edge.js';
import type { Passing } from '../block/held/route.js';
import type { Node } from '../block/node.js';
import type { Permissions } from '../block/permissions.js';
import { type JsonObject, jsonObject } from '../json/value.js';
import type { StorageErrno } from '../storage/storage.js';
import type { Work } from './driver.js';
import { JobError } from './errors.js';
import { Job } from './job.js';
import { whenLetThrough } from './request.js';

/** What is to be done about an error of the storage. */
export type ErrorPolicy = 'report' | 'ignore' | 'stop' | 'enospc' | 'auto';
/** What is done. */
export type ErrorAction = 'report' | 'ignore' | 'stop';

/** What stands between a job and a node that it writes to as a device would. */
function backend(): Holder {
  return { kind: 'command', describe: () => 'an unnamed block device', blocks: () => null };
}

/** What is asked of every job that puts a filter of its own into the chain. */
export interface NewFilterJob {
  /** default: the name of the drive that the job is on */
  readonly id: string | undefined;
  /** bytes a second; 0 for no limit */
  readonly speed: number;
  /** null: one that nobody can ask for */
  readonly filterName: string | null;
  readonly autoFinalize: boolean | undefined;
  readonly autoDismiss: boolean | undefined;
}

/** What is asked of those that take images out of a chain. */
export interface NewChainJob extends NewFilterJob {
  /** what the image above is to say of the base; null: the base's own name */
  readonly backingFile: string | null;
  readonly onError: ErrorPolicy;
}

export class BlockJob extends Job implements Holder {
  readonly kind = 'job';
  /** bytes a second; 0: as fast as it can */
  speed = 0;
  readonly #uses: Edge[] = [];
  /** uses of nodes by others, for this job */
  readonly #backends: Edge[] = [];
  #ioStatus: 'ok' | 'failed' | 'nospace' = 'ok';

  get ioStatus(): 'ok' | 'failed' | 'nospace' {
    return this.#ioStatus;
  }

  get jobId(): string {
    return this.id;
  }

  /** Whether it has been ready, and its work still goes on. */
  get isReady(): boolean {
    return this.status === 'ready' || this.status === 'standby';
  }

  /** The nodes that it uses. JOB-021 */
  get uses(): readonly Edge[] {
    return this.#uses;
  }

  /** These, and those that it has somebody else use. */
  get allUses(): readonly Edge[] {
    return [...this.#uses, ...this.#backends];
  }

  /**
   * Uses `node` until {@link BlockJob.letGo}, or until nobody knows the job any more. JOB-021
   * @param name as error texts call this use: "main node"
   * @throws BlockError REF-E-CONFLICT, REF-E-NODE-READ-ONLY
   */
  use(node: Node, name: string, permissions: Permissions): Edge {
    const edge = this.host.graph.change((change) => change.hold(this, node, name, permissions));
    this.#uses.push(edge);
    return edge;
  }

  /**
   * As {@link BlockJob.use}, for requests that are made as a device makes them: neither is the job named in errors, nor does
   * this use forbid an operation.
   */
  useAsBackend(node: Node, permissions: Permissions): Edge {
    const edge = this.host.graph.change((change) => change.hold(backend(), node, 'root', permissions));
    this.#backends.push(edge);
    return edge;
  }

  /** What {@link BlockJob.useAsBackend} gave is used no more. */
  dropBackends(): void {
    this.#drop(this.#backends.splice(0));
  }

  /**
   * Makes a request of the first node that it uses: does `act` as soon as no breakpoint holds that request. REF-095
   * @throws what `act` throws
   */
  request(passing: Passing, act: () => void): Work {
    return whenLetThrough(this.host.graph.requests, this.#uses[0]!, passing, act);
  }

  /** Uses none of its nodes any more; those that nobody else holds go. */
  letGo(): void {
    this.dropBackends();
    this.#drop(this.#uses.splice(0));
  }

  #drop(uses: readonly Edge[]): void {
    this.host.graph.change((change) => {
      for (const edge of uses) change.drop(edge);
    });
  }

  /** As error texts name it. */
  describe(): string {
    return `${this.driver.type} job '${this.id}'`;
  }

  /** JOB-021: nothing else is begun on a node of a job; which thread makes requests of its own is no matter. REF-103 */
  blocks(edge: Edge, op: Op): string | null {
    if (op === 'dataplane' && edge.name === 'main node') return null;
    return `block device is in use by block job: ${this.driver.type}`;
  }

  /** JOB-018. @throws JobError JOB-E-VERB, JOB-E-SPEED */
  setSpeed(speed: number): void {
    this.accept('set-speed');
    if (speed < 0) throw new JobError('JOB-E-SPEED');
    this.speed = speed;
  }

  /** `block-job-cancel`: soft, if it is not forced. JOB-006. @throws JobError JOB-E-CANCEL-PAUSED, JOB-E-VERB */
  blockCancel(force: boolean): void {
    if (this.isUserPaused && !force) throw new JobError('JOB-E-CANCEL-PAUSED', { id: this.id });
    this.userCancel(force);
  }

  /**
   * A request of its work has failed: says so, and what the work has to do. After `stop` it is paused until the user
   * resumes it, and the request is to be tried again. JOB-019
   */
  requestFailed(operation: 'read' | 'write', policy: ErrorPolicy, errno: StorageErrno): ErrorAction {
    const action = actionFor(policy, errno);
    this.host.emit(event('BLOCK_JOB_ERROR', { device: this.id, operation, action }));
    if (action === 'stop') {
      this.pauseForUser();
      if (this.#ioStatus === 'ok') this.#ioStatus = errno === 'ENOSPC' ? 'nospace' : 'failed';
    }
    return action;
  }

  protected override liftUserPause(): void {
    this.#ioStatus = 'ok';
    super.liftUserPause();
  }

  // JOB-015
  protected override onReady(): void {
    this.host.emit(event('BLOCK_JOB_READY', this.#report()));
  }

  protected override onPending(): void {
    this.host.emit(event('BLOCK_JOB_PENDING', { type: this.driver.type, id: this.id }));
  }

  protected override onCancelled(): void {
    this.host.emit(event('BLOCK_JOB_CANCELLED', this.#report()));
  }

  protected override onCompleted(): void {
    const failure = this.error === null ? {} : { error: this.error };
    this.host.emit(event('BLOCK_JOB_COMPLETED', { ...this.#report(), ...failure }));
  }

  protected override onGone(): void {
    this.letGo();
  }

  #report() {
    const { current, total } = this.progress;
    return { type: this.driver.type, device: this.id, len: total, offset: current, speed: this.speed };
  }
}

function event(name: string, data: { readonly [member: string]: string | number }): JsonObject {
  return jsonObject({ event: name, data: jsonObject(data) });
}

function actionFor(policy: ErrorPolicy, errno: StorageErrno): ErrorAction {
  if (policy === 'enospc' || policy === 'auto') return errno === 'ENOSPC' ? 'stop' : 'report';
  return policy;
}
