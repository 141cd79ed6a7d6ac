/** Mirrors that write where that fails. */

import type { Node } from '../../../../spec/block/node.js';
import { read } from '../../../../spec/block/request.js';
import { statusInChain } from '../../../../spec/block/status.js';
import { BlockJob } from '../../../../spec/job/block-job.js';
import type { Action } from '../../../case/case.js';
import { asksFor } from '../../commands.js';
import { changeOf } from '../../known/step/change.js';
import { asked } from '../asked.js';
import { CLUSTER, PAGE } from '../edges.js';
import { hasFaults, isFaulty } from '../faults.js';
import type { ModelRun } from '../model-run.js';

/**
 * A mirror to a faulty target, of a disk that has zeros stored as data: a file system may have a hole there; and qcow2 takes a cluster of which a guest makes a part zeros for
 * zeros if the rest is, QBM has it as data. The one is copied by a request for zeros, the other by a write, and a rule is about one of them.
 */
export function mirrorsStoredZeros(run: ModelRun, action: Action): boolean {
  // A file system knows of holes page by page, whatever a cluster is.
  const unit = run.format === 'overlay' ? CLUSTER : PAGE;
  const { graph } = run.machine;
  return asksFor(action, (name, args) => {
    const target = name === 'blockdev-mirror' ? graph.findAny(String(args.target)) : undefined;
    if (target === undefined || !isFaulty(target)) return false;
    const source = graph.findAny(String(args.device));
    return source !== undefined && canBeRead(source) && hasStoredZeros(source, unit);
  });
}

/**
 * A guest makes zeros of a part of a disk that a mirror follows to a faulty target. What is dirty together is copied in pieces that begin
 * where the first of it does: QEMU writes zeros as such if a piece is made of whole clusters of the target, and as data if not.
 */
export function zerosBesideMirror(run: ModelRun, action: Action): boolean {
  if (run.format !== 'overlay') return false;
  const targets = run.jobs.flatMap((job) => (job instanceof BlockJob ? targetOf(job) : []));
  return targets.some(isFaulty) && changeOf(run, action)?.isEmptying === true;
}

/** Where a mirror writes to, or a commit that follows its disk. */
function targetOf({ driver, uses }: BlockJob): readonly Node[] {
  if (!/^(mirror|commit)$/.test(driver.type)) return [];
  return uses.filter(({ name }) => name === 'target').map(({ child }) => child);
}

/** Whether it is as before when it was read: no fault is used up, and nothing is copied. */
function canBeRead(source: Node): boolean {
  const { driver, children } = source;
  if (hasFaults(source) || driver.name === 'copy-on-read') return false;
  return children.every(({ child }) => canBeRead(child));
}

function hasStoredZeros(node: Node, unit: number): boolean {
  const bytes = new Uint8Array(unit);
  for (let at = 0; at < node.size; at += unit) {
    const length = Math.min(unit, node.size - at);
    const status = asked(() => statusInChain(node, at, length));
    if (status === null) return false;
    if (status.isZero && status.length === length) continue;
    const cluster = bytes.subarray(0, length);
    if (asked(() => read(node, at, cluster)) !== null && cluster.every((byte) => byte === 0)) return true;
  }
  return false;
}
