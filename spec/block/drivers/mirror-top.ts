/**
 * `mirror_top`: the filter that a mirror job has above its source. It shows the source, and
 * hands each write to the job if that copies it at once. spec/job/mirror/MIRROR.md, JOB-062 and JOB-067. Offsets and
 * lengths are bytes.
 */
import { type JsonObject, jsonObject } from '../../json/value.js';
import type { Edge } from '../edge.js';
import { ALL, CONSISTENT_READ, type Permissions, WRITE } from '../permissions.js';
import type { Driver } from './driver.js';
import { FilterDriver } from './filter.js';

/** What the job does with a write that the source has taken: `bytes` is null for zeros. It does not fail. */
export type AfterWrite = (offset: number, length: number, bytes: Uint8Array | null) => void;

/** What the job has of its filter. */
export interface MirrorTop extends Driver {
  /** told of each write; null: nobody is */
  afterWrite: AfterWrite | null;
  /** From now on it asks nothing of the source any more. Permissions are to be worked out anew. */
  stop(): void;
  /** the source; after the end of a job that was completed, the target */
  readonly source: Edge;
}

/** @param intoChain the target is below the source: an active commit */
export function openMirrorTop(source: Edge, intoChain: boolean): MirrorTop {
  return new MirrorTopDriver(source, intoChain);
}

class MirrorTopDriver extends FilterDriver implements MirrorTop {
  readonly name = 'mirror_top';
  readonly isNamedAsChild = true;
  readonly forgetsLimits = true;
  /** QEMU opens it so that discards end here. REF-007 */
  override readonly canDiscard = false;
  afterWrite: AfterWrite | null = null;
  readonly #intoChain: boolean;
  #isStopped = false;

  constructor(source: Edge, intoChain: boolean) {
    super(source);
    this.#intoChain = intoChain;
  }

  get source(): Edge {
    return this.file;
  }

  stop(): void {
    this.#isStopped = true;
  }

  override write(offset: number, bytes: Uint8Array): void {
    super.write(offset, bytes);
    this.afterWrite?.(offset, bytes.length, bytes);
  }

  override zero(offset: number, length: number): void {
    super.zero(offset, length);
    this.afterWrite?.(offset, length, null);
  }

  override describe(): JsonObject {
    return jsonObject({ driver: this.name, backing: this.file.child.shownOptions });
  }

  /** JOB-062 */
  childPermissions(_edge: Edge, _own: Permissions, byUse: Permissions): Permissions {
    if (this.#isStopped) return { needs: 0, shares: ALL };
    if (!this.#intoChain) return byUse;
    return { needs: byUse.needs & ~CONSISTENT_READ, shares: byUse.shares | WRITE };
  }
}
