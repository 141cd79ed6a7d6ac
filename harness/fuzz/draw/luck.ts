/**
 * What has more than one right answer, or one that depends on the moment: no history does it, whether it was drawn, changed
 * or made smaller.
 */

import { chainFrom } from '../../../spec/block/chain/walk.js';
import { limitsOf } from '../../../spec/block/limits/limits.js';
import type { Node } from '../../../spec/block/node.js';
import { statusInChain } from '../../../spec/block/status.js';
import { MirrorDriver } from '../../../spec/job/mirror/mirror.js';
import { isJsonObject, type JsonObject } from '../../../spec/json/value.js';
import type { Action } from '../../case/case.js';
import { asksFor, commandsOf } from '../commands.js';
import { asked } from './asked.js';
import { endsBeforeZeros } from './at-error.js';
import { CLUSTER } from './edges.js';
import { canFailToAsk, canFailToRead, hasFaultOnce, hasFaults, isFaulty } from './faults.js';
import { passesHostCache } from './host-cache.js';
import {
  created,
  emptiesOpenFile,
  isGivenTooMuch,
  makesPartsOfAnother,
  namesForeignFile,
} from './job/made-images.js';
import { copiesAroundHoles } from './job/pieces.js';
import { isSlow } from './job/speed.js';
import { backsUpFaultyHoles, isEndless } from './job/unreadable.js';
import { mirrorsStoredZeros, zerosBesideMirror } from './job/written-zeros.js';
import { listensElsewhere } from './listening.js';
import { isLuckOfTools } from './luck-tools.js';
import type { ModelRun } from './model-run.js';
import { namesOneOfSeveral } from './reopened.js';

/** Before the step is played. */
export function isLuck(run: ModelRun, action: Action): boolean {
  const all = backups(action);
  return (
    failsInGroup(run, action, all) ||
    losesFault(run, all) ||
    all.some((one) => copiesAtOnce(run, one)) ||
    asksHowFar(run, action) ||
    namesNameless(action) ||
    failsUnheard(run, action) ||
    isOddSize(run, action) ||
    growsPastBacking(run, action) ||
    commitsThroughFaults(run, action) ||
    readsFaultyZeros(run, action) ||
    discardsClustersInPart(run, action) ||
    mirrorsFaulty(run, action) ||
    asksForUnknownDepth(run, action) ||
    mirrorsStoredZeros(run, action) ||
    zerosBesideMirror(run, action) ||
    writesToAnother(run, all) ||
    run.mirrored.isLook(run, action) ||
    endsBeforeZeros(run, action) ||
    isEndless(run, action) ||
    isSlow(action) ||
    copiesAroundHoles(run, action) ||
    run.holes.areCopiedToFault(run, action) ||
    namesForeignFile(action) ||
    isGivenTooMuch(run, action) ||
    emptiesOpenFile(run, action) ||
    makesPartsOfAnother(run, action) ||
    passesHostCache(run, action) ||
    backsUpFaultyHoles(run, action) ||
    isLuckOfTools(run, action) ||
    run.clients.waitsInVain(action) ||
    run.clients.speaksOutOfTurn(action) ||
    listensElsewhere(run, action)
  );
}

/** After the step was refused. */
export function isLuckyRefusal(run: ModelRun, action: Action, { id }: { readonly id: string }): boolean {
  return /^REF-E-REOPEN-(OPTION|RESET)$/.test(id) && namesOneOfSeveral(run, action, id);
}

/** Whether an image may have a size that is no multiple of a sector is for its format to say; QBM lets it (QBM-021), qcow2 does not. */
function isOddSize({ format }: ModelRun, action: Action): boolean {
  if (format !== 'overlay') return false;
  return asksFor(action, (name, args) => {
    const image = name === 'block_resize' ? args : created(name, args);
    return image !== null && image.driver !== 'file' && Number(image.size ?? 0) % 512 !== 0;
  });
}

/**
 * An overlay grows from before the end of its backing file to behind it. The zeros that hide what is there are written as far as
 * there is something to hide (QBM-037), or up to the new end, as qcow2 has it: what is copied or told of then is a format's own.
 */
function growsPastBacking({ machine: { graph }, nodes }: ModelRun, action: Action): boolean {
  if (action.verb !== 'qmp' || action.command !== 'block_resize') return false;
  const size = Number(action.arguments?.size);
  const named = graph.find(String(action.arguments?.['node-name']));
  // Through a drive, or a node above, one grows that is not named.
  const all = named?.driver.backing === undefined ? nodes : [named];
  return all.some((node) => {
    const end = node.backing?.size;
    return end !== undefined && node.size < end && end < size;
  });
}

/** A commit that may meet one of several faults: which one comes first, is for the pieces to say, which go by where an image has its clusters. */
function commitsThroughFaults({ machine: { graph } }: ModelRun, action: Action): boolean {
  return asksFor(action, (name, { device }) => {
    const top = name === 'block-commit' ? graph.findAny(String(device)) : undefined;
    return top !== undefined && [...chainFrom(top)].filter(hasFaults).length > 1;
  });
}

/** The arguments of backups that the action starts. */
function backups(action: Action): readonly JsonObject[] {
  return commandsOf(action)
    .filter(({ name }) => name === 'blockdev-backup')
    .map(({ args }) => args);
}

/** A backup that meets a fault where it reads or writes, and copies several clusters at a time: what it has copied then is luck. */
function copiesAtOnce(run: ModelRun, { device, target, 'x-perf': perf = null }: JsonObject): boolean {
  const { graph } = run.machine;
  const to = graph.find(String(target));
  const from = graph.findAny(String(device));
  if (to === undefined || from === undefined || to.size <= CLUSTER) return false;
  if (to.driver.name !== 'blkdebug' && !isFaulty(from)) return false;
  return !isJsonObject(perf) || perf['max-workers'] !== 1 || perf['max-chunk'] !== CLUSTER;
}

/** A backup writes through a fault to what another one copies: which of the two meets it depends on when they come. */
function writesToAnother(run: ModelRun, all: readonly JsonObject[]): boolean {
  return all.some(({ target }) => {
    const node = run.machine.graph.find(String(target));
    if (node === undefined || !isFaulty(node)) return false;
    const isCopied = (one: Node): boolean =>
      all.some(({ device }) => run.machine.graph.findAny(String(device)) === one) ||
      one.children.some(({ child }) => isCopied(child));
    return isCopied(node);
  });
}

/** How far one of a group has come when another one fails by itself. What stops at its error rests there instead. */
function failsInGroup(run: ModelRun, action: Action, all: readonly JsonObject[]): boolean {
  if (all.length < 2 || action.verb !== 'qmp') return false;
  const properties = action.arguments?.properties ?? null;
  if (!isJsonObject(properties) || properties['completion-mode'] !== 'grouped') return false;
  return all.some((one) => fails(run, one) && all.some((other) => other !== one && other.sync !== 'none'));
}

function fails(run: ModelRun, args: JsonObject): boolean {
  const { graph } = run.machine;
  const source = graph.findAny(String(args.device));
  if (source !== undefined && canFailToRead(source) && args['on-source-error'] !== 'stop') return true;
  const { 'on-target-error': onError = 'report' } = args;
  const node = graph.find(String(args.target));
  if (node === undefined || node.driver.name !== 'blkdebug') return false;
  const fault = JSON.stringify(node.driver.describe());
  if (!fault.includes('"inject-error.0.')) return false;
  return (
    onError === 'report' ||
    ((onError === 'enospc' || onError === 'auto') && !fault.includes('"inject-error.0.errno":28'))
  );
}

/**
 * One of several backups meets a fault that comes once, and another one ends just then: this pauses all of them, and what was given up for
 * that is copied again (JOB-047), without the fault. Nobody hears of it.
 */
function losesFault({ machine: { graph } }: ModelRun, all: readonly JsonObject[]): boolean {
  const copying = all.filter(({ sync }) => sync !== 'none');
  return (
    copying.length > 1 &&
    copying.some(({ device, target }) => {
      return [device, target].some((name) => {
        const node = graph.findAny(String(name));
        return node !== undefined && hasFaultOnce(node);
      });
    })
  );
}

/** They show progress, or the bitmap by which a job copies. */
const SHOWS_HOW_FAR = /^query-((block-)?jobs|block|named-block-nodes)$/;

/** How far a mirror, or a commit that is ready, has followed its disk, and what of that it counts where there is nothing. */
function asksHowFar(run: ModelRun, action: Action): boolean {
  const isQuery = action.verb === 'qmp' && SHOWS_HOW_FAR.test(action.command);
  if (!isQuery) return false;
  return run.jobs.some(
    // A commit that follows its disk is a mirror, too, in whatever state it is.
    (job) => (job.driver instanceof MirrorDriver || job.status === 'ready') && !run.undisturbed.has(job),
  );
}

/** A mirror of what will be written, to where a write fails: if it ignores that, no state tells that it has come to it. */
function failsUnheard(run: ModelRun, action: Action): boolean {
  return commandsOf(action).some(({ name, args }) => {
    if (name !== 'blockdev-mirror' || args.sync !== 'none' || args['on-target-error'] !== 'ignore')
      return false;
    const target = run.machine.graph.find(String(args.target));
    return args['copy-mode'] !== 'write-blocking' && target !== undefined && isFaulty(target);
  });
}

/** Nodes that nobody has named: which number one gets depends on those that came and went before. */
function namesNameless(action: Action): boolean {
  return action.verb === 'qmp' && JSON.stringify(action.arguments ?? null).includes('"#block');
}

/** A discard comes to an image in pieces that are no whole clusters: what of them it frees is for its format to choose. */
function discardsClustersInPart({ machine, model, format }: ModelRun, action: Action): boolean {
  if (format !== 'overlay' || action.verb !== 'io' || action.request.op !== 'discard') return false;
  const node = machine.graph.find(action.node);
  const isCut = (one: Node, cut: boolean): boolean => {
    const { optDiscard = 0, maxDiscard = 0 } = limitsOf(one);
    const isIn = cut || optDiscard % CLUSTER > 0 || maxDiscard % CLUSTER > 0;
    if (one.driver.name === model.formatDriver) return isIn;
    return one.children.some(({ child }) => isCut(child, isIn));
  };
  return node !== undefined && isCut(node, false);
}

/**
 * A server that sends holes asks for them first, which may fail where reading does not; and it need not read what is known to be zeros, and
 * meets no fault there.
 */
function readsFaultyZeros(run: ModelRun, action: Action): boolean {
  if (action.verb !== 'io' || action.request.op !== 'read') return false;
  const node = run.machine.graph.find(action.node);
  if (node === undefined || !isFaulty(node)) return false;
  const { offset, length } = action.request;
  const end = Math.min(node.size, offset + length);
  for (let at = offset; at < end; ) {
    const here = at;
    const status = asked(() => statusInChain(node, here, end - here));
    // A moment that nobody keeps is not read either.
    if (status === null) return canFailToAsk(node);
    if (status.isZero) return true;
    at += status.length;
  }
  return false;
}

/**
 * A mirror reads what somebody has stored. An overlay of QBM that no backing file was spoken of for does not know that (QBM-037);
 * qcow2 always does: whether a fault is met there is a format's own.
 */
function mirrorsFaulty(run: ModelRun, action: Action): boolean {
  if (run.format !== 'overlay') return false;
  return asksFor(action, (name, { device }) => {
    const source = name === 'blockdev-mirror' ? run.machine.graph.findAny(String(device)) : undefined;
    return source !== undefined && isFaulty(source) && hasUnknown(run, source);
  });
}

/** A client asks which layer has what an image without a backing file has: that is the image itself, or nobody (QBM-037). */
function asksForUnknownDepth(run: ModelRun, action: Action): boolean {
  if (run.format !== 'overlay' || action.verb !== 'nbd' || action.op !== 'connect') return false;
  if (!action.contexts.includes('qemu:allocation-depth')) return false;
  const asked = run.machine.exports.all.find(({ name }) => name === action.export);
  return asked !== undefined && hasUnknown(run, asked.edge.child);
}

function hasUnknown(run: ModelRun, node: Node): boolean {
  if (node.driver.name === run.model.formatDriver && node.driver.backing === undefined) return true;
  return node.children.some(({ child }) => hasUnknown(run, child));
}
