/** Where a history stands with its chains: who is on top of one, what is in it, and of which nodes the content is luck. */
import { chainFrom, hasInChain } from '../../../../spec/block/chain/walk.js';
import { Node } from '../../../../spec/block/node.js';
import { BlockJob } from '../../../../spec/job/block-job.js';
import type { Job } from '../../../../spec/job/job.js';
import { MirrorDriver } from '../../../../spec/job/mirror/mirror.js';
import type { Action } from '../../../case/case.js';
import type { ModelRun } from '../../draw/model-run.js';
import type { Sketch } from '../../draw/sketch.js';

/** What the harness names the nodes of members by: what opens a chain begins its name so. */
const MEMBER = /^(image|snap)\d+$/;

/** Images that are in a chain, or could be, newest first. */
export function images(sketch: Sketch): readonly Node[] {
  return sketch.disks.filter(({ name }) => MEMBER.test(name));
}

/** Nodes with a name and without any node above them: what guests write to, and what commits are asked of. */
export function heads(sketch: Sketch): readonly Node[] {
  return sketch.disks.filter(
    (node) => isInChain(node) && node.parents.every(({ parent }) => !(parent instanceof Node)),
  );
}

/** Images, what filters them, and where requests for them fail; not what they are copied to. */
function isInChain({ name }: Node): boolean {
  return !name.startsWith('target');
}

/** A node and those below it, as far as they have names. */
export function membersOf(node: Node): readonly Node[] {
  return [...chainFrom(node)].filter(({ name }) => !name.startsWith('#'));
}

/** Who guests of a node write to: the filter of a job, as long as there is one above it. */
export function guestOf(node: Node): Node {
  const above = node.parents.map(({ parent }) => parent);
  const filter = above.find((one): one is Node => one instanceof Node && /^filter\d+$/.test(one.name));
  return filter === undefined ? node : guestOf(filter);
}

/** A commit of what guests write to: it follows them until it is ended. */
export function isActive({ driver }: Job): boolean {
  return driver instanceof MirrorDriver && driver.type === 'commit';
}

/** What an active commit goes down from. */
export function topOf(job: Job): Node | undefined {
  return job instanceof BlockJob ? job.uses.find(({ name }) => name === 'source')?.child : undefined;
}

interface Luck {
  readonly job: Job;
  readonly top: Node;
  readonly below: ReadonlySet<Node>;
}

const LUCK = new WeakMap<ModelRun, Luck[]>();

/**
 * What guests write while an active commit follows them goes down when it likes, and so does what it copies at once: below its
 * top all is luck until it is completed.
 */
export function expectBelow({ run }: Sketch, job: Job, top: Node): void {
  const all = LUCK.get(run) ?? [];
  if (all.some((one) => one.job === job)) return;
  const below = new Set([...chainFrom(top)].filter((one) => one !== top));
  LUCK.set(run, [...all, { job, top, below }]);
}

/** What jobs have made certain that came to a good end. */
export function forgetLuck({ run }: Sketch): void {
  const isOpen = ({ job }: Luck): boolean => !job.isOver || job.error !== null || job.isCancelled;
  LUCK.set(run, (LUCK.get(run) ?? []).filter(isOpen));
}

/** Whether anything is luck: what would copy it on is not begun then. */
export function hasLuck({ run }: Sketch): boolean {
  return (LUCK.get(run) ?? []).length > 0;
}

/**
 * Whether a step reads through a node for which it matters that something is read. What a client is told to be a hole is not
 * read in QEMU: it is neither copied up, nor does that fail. And where it does fail, QEMU hangs up.
 */
function mayReadHoles(run: ModelRun, action: Action): boolean {
  if (action.verb !== 'io' || action.request.op !== 'read') return false;
  const node = run.machine.graph.find(action.node);
  if (node === undefined) return false;
  return [...chainFrom(node)].some((one) => one.driver.name === 'copy-on-read' || failsToRead(one));
}

function failsToRead({ driver }: Node): boolean {
  const options = driver.describe();
  return 'inject-error.0.event' in options && options['inject-error.0.iotype'] !== 'write';
}

/** Whether a step looks at what is luck, or copies it where it is looked at: for {@link Sketch.shun}. */
export function isLuck(run: ModelRun, action: Action): boolean {
  if (mayReadHoles(run, action)) return true;
  const all = LUCK.get(run) ?? [];
  if (all.length === 0) return false;
  const isSeen = (name: string): boolean => {
    const node = run.machine.graph.find(name);
    return node !== undefined && all.some((luck) => isBelow(luck, node));
  };
  switch (action.verb) {
    case 'io': // what is written may take along what is around it
      return isSeen(action.node);
    case 'observe':
      return isSeen(action.node);
    case 'qmp':
      if (/^(blockdev-reopen|blockdev-backup|blockdev-mirror)$/.test(action.command)) return true;
      return (
        /^x-debug-block-dirty-bitmap|^transaction$|^block-dirty-bitmap/.test(action.command) &&
        namesIn(action).some(isSeen)
      );
    case 'restart':
    case 'nbd':
      return true;
    default:
      return false;
  }
}

/** Whether a node shows anything of what is below the top, other than through the top. */
function isBelow({ top, below }: Luck, node: Node): boolean {
  if (hasInChain(node, top)) return false;
  return [...chainFrom(node)].some((one) => below.has(one));
}

function namesIn(action: Action): string[] {
  return [...JSON.stringify(action).matchAll(/"(?:node|device)":"([^"]*)"/g)].map(([, name]) => name!);
}
