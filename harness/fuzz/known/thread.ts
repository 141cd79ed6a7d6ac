/** Known triggers that are about nodes in iothreads. */
import { Node } from '../../../spec/block/node.js';
import { BlockJob } from '../../../spec/job/block-job.js';
import type { Action } from '../../case/case.js';
import { asksFor, commandsOf } from '../commands.js';
import type { ModelRun } from '../draw/model-run.js';
import { QEMU, QEMU_7, QEMU_10 } from './programs.js';
import { STARTS_JOB } from './together.js';
import type { Trigger } from './trigger.js';

function isThreadId(id: unknown): boolean {
  return typeof id === 'string' && id.startsWith('io');
}

/** Nodes that were moved to an iothread, by themselves or for an export. */
function moved({ machine: { graph, exports } }: ModelRun): readonly Node[] {
  const forExports = exports.all.filter(({ iothread }) => iothread !== null).map(({ edge }) => edge.child);
  return [...graph.nodes.filter(({ iothread }) => iothread !== null), ...forExports];
}

/** Nodes that came to an iothread, in a history. */
const told = new WeakMap<ModelRun, Set<Node>>();

/**
 * These, and all that moved with them: what is above, below, and what a job has with one of them, which stays there when the job is over, and
 * moves also if the job is refused then.
 * Told of every step, in order.
 */
function inThreads(run: ModelRun, action: Action): ReadonlySet<Node> {
  const now = moved(run);
  const found = now.length === 0 ? new Set<Node>() : (told.get(run) ?? new Set<Node>());
  told.set(run, found);
  for (const node of now) found.add(node);
  addConnected(run, found);
  const startsThere = asksFor(action, (name, { device }) => {
    const source = run.machine.graph.findAny(String(device));
    return STARTS_JOB.test(name) && source !== undefined && found.has(source);
  });
  if (startsThere) for (const node of nodesOf(run, action, (name) => STARTS_JOB.test(name))) found.add(node);
  return found;
}

/** Adds what moves together with these: what is above, below, and what a job has with one of them. */
function addConnected(run: ModelRun, nodes: Set<Node>): void {
  const jobs = blockJobs(run);
  // Those that are added on the way have their turn, too.
  for (const node of nodes) {
    for (const { child } of node.children) nodes.add(child);
    for (const { parent } of node.parents) if (parent instanceof Node) nodes.add(parent);
    for (const { allUses } of jobs) {
      if (allUses.some(({ child }) => child === node)) for (const { child } of allUses) nodes.add(child);
    }
  }
}

function blockJobs({ jobs }: ModelRun): readonly BlockJob[] {
  return jobs.filter((job): job is BlockJob => job instanceof BlockJob);
}

/**
 * Whether a job that this step would start, and of which nothing is there any more, was put over nodes in an iothread where another job
 * runs. One that stands still does not mind.
 */
function isTakenBackBesideJob(run: ModelRun, action: Action): boolean {
  const there = inThreads(run, action);
  const named = nodesOf(run, action, (command) => STARTS_JOB.test(command));
  if (!named.every((node) => there.has(node))) return false;
  const together = new Set(named);
  addConnected(run, together);
  return blockJobs(run).some(({ status, allUses }) => {
    return status === 'running' && allUses.some(({ child }) => together.has(child));
  });
}

/** Whether a mirror is refused before its target is looked at: the conflict is neither there nor below. */
function isRefusedForItsSource({ machine: { graph } }: ModelRun, action: Action, desc: string): boolean {
  const conflict = graph.findAny(/^Permission conflict on node '(.*?)'/.exec(desc)?.[1] ?? '');
  return asksFor(action, (name, { target }) => {
    const below = new Set([graph.findAny(String(target))]);
    for (const node of below) for (const { child } of node?.children ?? []) below.add(child);
    return name === 'blockdev-mirror' && conflict !== undefined && !below.has(conflict);
  });
}

/** The nodes that commands of such names name. */
function nodesOf({ machine }: ModelRun, action: Action, isMeant: (command: string) => boolean): Node[] {
  const names: unknown[] = action.verb === 'open' && isMeant('blockdev-add') ? [action.backing] : [];
  for (const { name, args } of commandsOf(action)) if (isMeant(name)) names.push(...Object.values(args));
  return names.flatMap((name) => (typeof name === 'string' ? (machine.graph.findAny(name) ?? []) : []));
}

/** Whether the step has a guest of a node in an iothread, or looks at one as a guest does. */
function hasGuestThere(run: ModelRun, action: Action): boolean {
  const found = inThreads(run, action);
  if (found.size === 0) return false;
  if (action.verb === 'nbd') return run.machine.exports.all.some(({ edge }) => found.has(edge.child));
  if (action.verb !== 'io' && action.verb !== 'observe') return false;
  const node = run.machine.graph.findAny(action.node);
  return node !== undefined && found.has(node);
}

/** Whether a command of that name names a node in an iothread. */
function namesOneThere(run: ModelRun, action: Action, isMeant: (command: string) => boolean): boolean {
  const found = inThreads(run, action);
  return nodesOf(run, action, isMeant).some((node) => found.has(node));
}

/** What is looked at before the node moves. */
const EARLY = /^(NBD-E-(ID|ID-TAKEN|IOTHREAD|READ-ONLY)|REF-E-(NO-SUCH|THREAD-FIXED))$/;

export const KNOWN_OF_THREADS: readonly Trigger[] = [
  {
    name: 'end of an iothread that is in use',
    shownBy: 'iothread-in-use-is-not-dropped',
    programs: QEMU,
    refused: (_, action, { id }) =>
      id === 'REF-E-OBJECT-IN-USE' && action.verb === 'qmp' && isThreadId(action.arguments?.id),
  },
  {
    name: 'export in an iothread that is refused, whose node has moved there all the same',
    shownBy: 'backup-of-a-node-in-an-iothread',
    programs: QEMU,
    refused: (_, action, { id }) =>
      !EARLY.test(id) &&
      action.verb === 'qmp' &&
      action.command === 'block-export-add' &&
      action.arguments?.iothread !== undefined,
  },
  {
    name: 'guest of a node in an iothread',
    shownBy: 'guest-of-a-node-in-an-iothread',
    programs: QEMU_7,
    before: hasGuestThere,
  },
  {
    name: 'resize of a node in an iothread',
    shownBy: 'resize-of-a-node-in-an-iothread',
    programs: QEMU_7,
    before: (run, action) => namesOneThere(run, action, (command) => command === 'block_resize'),
  },
  {
    name: 'node above one in an iothread',
    shownBy: 'node-above-one-in-an-iothread',
    programs: QEMU_7,
    before: (run, action) => namesOneThere(run, action, (command) => command === 'blockdev-add'),
  },
  {
    name: 'backup that is refused while a job has its target in an iothread',
    shownBy: 'refused-backup-to-a-node-whose-job-is-in-an-iothread',
    programs: QEMU_7,
    refused: (run, action, { id }) => id === 'REF-E-FILTER-CREATE' && isTakenBackBesideJob(run, action),
  },
  {
    name: 'mirror that is refused over a node whose job is in an iothread',
    shownBy: 'refused-mirror-over-a-node-whose-job-is-in-an-iothread',
    programs: QEMU_7,
    refused: (run, action, { id, desc = '' }) =>
      id === 'REF-E-CONFLICT' &&
      isRefusedForItsSource(run, action, desc) &&
      isTakenBackBesideJob(run, action),
  },
  {
    name: 'copy-before-write between a node and one in an iothread',
    shownBy: 'copy-before-write-to-a-node-fixed-in-an-iothread',
    programs: QEMU_10,
    before: (run, action) =>
      asksFor(action, (_, { driver }) => driver === 'copy-before-write') &&
      namesOneThere(run, action, (command) => command === 'blockdev-add'),
  },
  {
    name: 'filter above a node in an iothread',
    shownBy: 'backup-of-a-node-in-an-iothread',
    programs: QEMU_10,
    before: (run, action) =>
      namesOneThere(run, action, (command) => STARTS_JOB.test(command) && command !== 'blockdev-mirror'),
  },
];
