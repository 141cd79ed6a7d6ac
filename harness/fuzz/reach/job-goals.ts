/** Goals about jobs, backups, exports and what outlives a process. */
import type { Node } from '../../../spec/block/node.js';
import { BlockJob } from '../../../spec/job/block-job.js';
import type { Json } from '../../../spec/json/value.js';
import type { Action } from '../../case/case.js';
import { canFailToRead } from '../draw/faults.js';
import { copyingOf, standsAtSource } from '../draw/job/standing-backup.js';
import type { Answer, ModelRun } from '../draw/model-run.js';
import { mergeOf } from './merge-goals.js';
import type { Goal } from './reach.js';

type Meets = (run: ModelRun, action: Action, answer: Answer) => boolean;

export function goal(name: string, meets: Meets): Goal {
  return { name, watch: () => meets };
}

function isCommand(action: Action, ...names: string[]): action is Extract<Action, { verb: 'qmp' }> {
  return action.verb === 'qmp' && names.includes(action.command);
}

function argument(action: Action, name: string): Json | undefined {
  return action.verb === 'qmp' ? action.arguments?.[name] : undefined;
}

export const TRANSACTION_GOALS: readonly Goal[] = [
  goal('a transaction that fails after its third action', (_, action, answer) => {
    const actions = argument(action, 'actions');
    return !answer.ok && Array.isArray(actions) && actions.length > 3;
  }),
  goal('a transaction of three actions on one bitmap', (_, action, answer) => {
    const actions = argument(action, 'actions');
    if (!answer.ok || !Array.isArray(actions) || actions.length < 3) return false;
    const about = actions.map((one) => {
      const data = (one as { data?: { node?: Json; name?: Json; target?: Json } }).data ?? {};
      return `${data.node}/${data.name ?? data.target}`;
    });
    return new Set(about).size === 1;
  }),
];

export const JOB_GOALS: readonly Goal[] = [
  goal(
    'a job is cancelled',
    (_, action, answer) => answer.ok && isCommand(action, 'job-cancel', 'block-job-cancel'),
  ),
  goal('two jobs at once', (run) => run.jobs.length > 1),
  goal('a bitmap is busy with a successor', (run) =>
    run.nodes.some((node) => node.bitmaps.some(({ successor }) => successor !== null)),
  ),
  goal('a job is paused by an error', (run) =>
    run.jobs.some(({ status, isUserPaused }) => status === 'paused' && !isUserPaused),
  ),
  goal('a job has failed', (run) => run.jobs.some(({ error }) => error !== null)),
  goal('a guest writes to what a backup stands at because it could not read it', (run, action) => {
    if (action.verb !== 'io' || action.request.op !== 'write') return false;
    const { offset, length } = action.request;
    const node = run.machine.graph.find(action.node);
    return run.jobs.some((job) => {
      const filter = standsAtSource(job);
      const next = filter !== null && filter === node ? copyingOf(filter)?.next() : null;
      return next != null && offset < next.offset + next.length && offset + length > next.offset;
    });
  }),
  goal('the bitmap of a backup that could not read its source is looked at', (run, action) => {
    const node = action.verb === 'observe' ? run.machine.graph.find(action.node) : undefined;
    return node !== undefined && canFailToRead(node) && node.bitmaps.some(({ count }) => count > 0);
  }),
];

export const BACKUP_GOALS: readonly Goal[] = [
  {
    name: 'incremental backup over a bitmap merged from two granularities',
    watch: () => {
      const merged = new Map<object, Set<number>>();
      return (run, action, answer) => {
        const merge = answer.ok ? mergeOf(run, action) : null;
        for (const source of merge?.sources ?? []) {
          const known = merged.get(merge!.target) ?? new Set([merge!.target.granularity]);
          merged.set(merge!.target, known.add(source.granularity));
        }
        if (!answer.ok || !isCommand(action, 'blockdev-backup')) return false;
        const node = run.machine.graph.find(String(argument(action, 'device')));
        const bitmap = node?.bitmap(String(argument(action, 'bitmap')));
        return bitmap !== undefined && (merged.get(bitmap)?.size ?? 0) > 1;
      };
    },
  },
  {
    name: 'incremental backup after one that failed or was cancelled',
    watch: () => {
      let isBroken = false;
      return (_, action, answer) => {
        if (answer.ok && isCommand(action, 'job-cancel', 'block-job-cancel')) isBroken = true;
        return (
          isBroken &&
          answer.ok &&
          isCommand(action, 'blockdev-backup') &&
          argument(action, 'bitmap') !== undefined
        );
      };
    },
  },
  goal('an incremental backup stands at an error of its target', (run) =>
    run.jobs.some((job) => job.status === 'paused' && job instanceof BlockJob && job.ioStatus !== 'ok'),
  ),
];

export const LIFECYCLE_GOALS: readonly Goal[] = [
  goal('a node that others use is to be removed', (_, action, answer) => {
    return !answer.ok && isCommand(action, 'blockdev-del') && answer.id !== 'REF-E-NODE-NOT-FOUND';
  }),
  goal(
    'an overlay takes the place of its node',
    (_, action, answer) => answer.ok && isCommand(action, 'blockdev-snapshot'),
  ),
  goal('a node is reopened', (_, action, answer) => answer.ok && isCommand(action, 'blockdev-reopen')),
  goal('a chain of three nodes', (run) =>
    run.nodes.some((node) =>
      node.children.some(({ child }) => child.children.some((edge) => edge.child.children.length > 0)),
    ),
  ),
  goal('an export of a node shows the bitmap of another', (run) =>
    run.machine.exports.all.some(({ bitmaps, edge }) =>
      bitmaps.some((one) => !edge.child.bitmaps.includes(one)),
    ),
  ),
];

export const PERSISTENCE_GOALS: readonly Goal[] = [
  goal('a bitmap that was stored is loaded', (run, action) => {
    return action.verb === 'open' && action.size === null && run.nodes.some(hasStored);
  }),
  goal('an inconsistent bitmap after a crash', (run) =>
    run.nodes.some((node) => node.bitmaps.some(({ inconsistent }) => inconsistent)),
  ),
  lostAgain(),
  goal('stored bitmaps of a read-only image', (run) =>
    run.nodes.some((node) => node.readOnly && hasStored(node)),
  ),
];

/** A bitmap has the name of one that was to be stored, and went with the program before. */
function lostAgain(): Goal {
  return {
    name: 'the name of a bitmap that a crash took is used again',
    watch: () => {
      let before: readonly string[] = [];
      let lost: readonly string[] = [];
      return (run, action, answer) => {
        if (action.verb === 'kill') lost = before;
        const isAdded = answer.ok && isCommand(action, 'block-dirty-bitmap-add');
        const isAgain = isAdded && lost.includes(`${argument(action, 'node')}/${argument(action, 'name')}`);
        before = run.nodes.flatMap(keysOfPersistent);
        lost = lost.filter((key) => !before.includes(key));
        return isAgain;
      };
    },
  };
}

/** node/bitmap */
function keysOfPersistent({ name, bitmaps }: Node): string[] {
  return bitmaps.filter(({ persistent }) => persistent).map((bitmap) => `${name}/${bitmap.name}`);
}

function hasStored(node: { readonly bitmaps: readonly { readonly persistent: boolean }[] }): boolean {
  return node.bitmaps.some(({ persistent }) => persistent);
}
