/** The known triggers, each with the case that shows it. */
import { Node } from '../../../spec/block/node.js';
import { MirrorDriver } from '../../../spec/job/mirror/mirror.js';
import type { Action } from '../../case/case.js';
import { asksFor, commandsOf } from '../commands.js';
import type { ModelRun } from '../draw/model-run.js';
import { discardsPart, readsAroundFaults, stacksLimits } from './blocks.js';
import { KNOWN_OF_CHAINS } from './chain.js';
import { copiesThroughFilter, readsThroughIdleFilter } from './copy-on-read.js';
import { KNOWN_OF_DEVICES } from './devices.js';
import { changesExportedBitmap, closesTakenBitmap, endsEmptyDisk, namesHalfOpen } from './graph.js';
import { growsOverWhatWasBelow } from './growth.js';
import { KNOWN_OF_MADE } from './job/made.js';
import { writesPastMirror } from './job/past-mirror.js';
import { comesToPending } from './job/pending.js';
import { readsAcrossCopied, readsWhatWasZeroed } from './moment.js';
import { asksPastNode, copiesPastTarget } from './past-the-end.js';
import { QEMU, QEMU_7, QEMU_10 } from './programs.js';
import { readsWhereItFails } from './read-error.js';
import {
  leavesCommitFilter,
  reopensBelowFollowers,
  reopensForceShare,
  reopensOverTwoWays,
  reopensPart,
  reopensTwice,
  reordersUses,
} from './reopen.js';
import {
  followersOfOverlay,
  isStale,
  leavesBitmaps,
  leavesData,
  leavesSize,
  losesItsEnd,
  resized,
} from './resize.js';
import { cutsPart, opensOverStale } from './stale.js';
import { KNOWN_OF_THREADS } from './thread.js';
import { TOGETHER } from './together.js';
import { TOOL_TRIGGERS, wordsOf } from './tools.js';
import type { Trigger } from './trigger.js';
import {
  isGrouped,
  killsAfterUndone,
  losesInconsistent,
  reopensStoring,
  undoesRefusedEnable,
} from './undone.js';

/** The nodes that read this one where they are read: filters, and overlays. */
function* standingOn(node: Node): Generator<Node> {
  for (const { parent, name } of node.parents) {
    if (parent instanceof Node && /^(file|image|backing)$/.test(name)) yield parent;
  }
}

/** Whether a `copy-before-write` that is used stands on this node, and 7.2 does not mind. */
function isReadByFilter(node: Node | undefined): boolean {
  if (node === undefined) return false;
  for (const above of standingOn(node)) {
    if (above.driver.name === 'copy-before-write' ? above.parents.length > 0 : isReadByFilter(above))
      return true;
  }
  return false;
}

/** What QBM refuses and qcow2 does not, or in other words. */
const OWN_REFUSALS =
  /^(REF-E-OVERLAY-ALLOCATION|REF-E-BACKING-NAME|REF-E-REOPEN-DESCRIPTOR|REF-E-READ-ONLY|REF-E-QBM-.*|QBM-E-.*)$/;

/** The mirror that this step completes once more, if it replaces a node. */
function completesAgain({ jobs }: ModelRun, action: Action): boolean {
  return asksFor(action, (name, { id, device }) => {
    if (!/^(block-)?job-complete$/.test(name)) return false;
    const driver = jobs.find((job) => job.id === (id ?? device))?.driver;
    return driver instanceof MirrorDriver && driver.isCompleting && driver.replaces !== null;
  });
}

export const KNOWN: readonly Trigger[] = [
  {
    name: 'mirror that replaces a node is completed twice',
    shownBy: 'mirror-completed-twice',
    programs: QEMU,
    before: completesAgain,
  },
  {
    name: 'merge without sources',
    shownBy: 'merge-empty-list',
    programs: QEMU,
    before: (_, action) =>
      asksFor(
        action,
        (name, { bitmaps }) => name.endsWith('-merge') && Array.isArray(bitmaps) && bitmaps.length === 0,
      ),
  },
  {
    name: 'enable of what is not there, or is in use, in a transaction that is refused',
    shownBy: 'enable-of-unknown-bitmap',
    programs: QEMU,
    refused: undoesRefusedEnable,
  },
  {
    name: 'grouped transaction that fails after two of its jobs',
    shownBy: 'transaction-grouped-aborted',
    programs: QEMU,
    refused: (_, action) =>
      isGrouped(action) && commandsOf(action).filter(({ name }) => name.endsWith('-backup')).length >= 2,
  },
  {
    name: 'guest or job that comes while a mirror is to be finalized',
    shownBy: 'mirror-pending-late-write',
    programs: QEMU,
    before: comesToPending,
  },
  {
    name: 'question about a mirror that is to be finalized',
    shownBy: 'mirror-pending-counts-as-paused',
    programs: QEMU,
    before: ({ jobs }, action) =>
      action.verb === 'qmp' &&
      action.command === 'query-block-jobs' &&
      jobs.some(
        ({ driver, status }) => /^(mirror|commit)$/.test(driver.type) && /^(waiting|pending)$/.test(status),
      ),
  },
  {
    name: 'question about a mirror, of which 10.0 tells more',
    shownBy: 'mirror-pending-counts-as-paused',
    programs: QEMU_10,
    before: ({ jobs }, action) =>
      action.verb === 'qmp' &&
      action.command === 'query-block-jobs' &&
      jobs.some(({ driver }) => /^(mirror|commit)$/.test(driver.type)),
  },
  {
    name: 'request that is refused over NBD',
    shownBy: 'requests-past-the-end',
    programs: QEMU,
    before: ({ clients }, action) => clients.refuses(action),
    refused: (_, action, { id }) => action.verb === 'io' && /^(EPERM|ENOSPC|ENOTSUP)$/.test(id),
  },
  {
    name: 'end of a server while a client is in the handshake',
    shownBy: 'server-stops-during-handshake',
    programs: QEMU_7,
    before: ({ clients }, action) =>
      action.verb === 'qmp' && action.command === 'nbd-server-stop' && clients.areShakingHands,
  },
  {
    name: 'name of a stored bitmap that is too long',
    shownBy: 'name-too-long',
    programs: QEMU,
    before: (_, action) =>
      asksFor(
        action,
        (name, args) => name.endsWith('-add') && args.persistent === true && String(args.name).length > 1000,
      ),
  },
  {
    name: 'refusal that only QBM knows',
    shownBy: 'read-only-add-persistent',
    programs: QEMU,
    refused: (_, { verb }, { id }) => /^(qmp|open)$/.test(verb) && OWN_REFUSALS.test(id),
  },
  {
    name: 'reopening to read-only that is refused, of an image with stored bitmaps',
    shownBy: 'reopen-refused-bitmaps-go-on',
    programs: QEMU,
    refused: reopensStoring,
  },
  {
    name: 'removal of an inconsistent bitmap that is taken back',
    shownBy: 'transaction-remove-of-inconsistent-undone',
    programs: QEMU,
    refused: losesInconsistent,
  },
  {
    name: 'kill after the removal of a stored bitmap was taken back',
    shownBy: 'kill-after-remove-undone',
    programs: QEMU,
    before: killsAfterUndone,
  },
  {
    name: 'which of two inconsistent bitmaps is in the way of a resize',
    shownBy: 'BMP-032',
    programs: QEMU,
    refused: (run, action, { id }) =>
      id === 'BMP-E-INCONSISTENT' &&
      (resized(run, action)?.bitmaps.filter(({ inconsistent }) => inconsistent).length ?? 0) > 1,
  },
  {
    name: 'grouped transaction with what cannot be grouped, which 7.2 sees later',
    shownBy: 'completion-mode-grouped-abort',
    programs: QEMU_10,
    refused: (_, action, { id }) =>
      id !== 'TXN-E-COMPLETION-MODE' &&
      isGrouped(action) &&
      asksFor(action, (name) => !name.endsWith('-backup')),
  },
  {
    name: 'write past the filter of a mirror',
    shownBy: 'mirror-below-the-filter',
    programs: QEMU_10,
    before: writesPastMirror,
  },
  {
    name: 'overlay that a filter reads',
    shownBy: 'snapshot-overlay-below-a-filter',
    programs: QEMU_10,
    before: (run, action) =>
      asksFor(
        action,
        (name, { overlay }) =>
          name === 'blockdev-snapshot' && isReadByFilter(run.machine.graph.find(String(overlay))),
      ),
  },
  {
    name: 'overlay of another size below a node that follows',
    shownBy: 'bitmap-above-a-longer-overlay',
    programs: QEMU_10,
    before: (run, action) => followersOfOverlay(run, action).length > 0,
  },
  {
    name: 'overlay of another size below a node with bitmaps, or one that remembers its size',
    shownBy: 'bitmap-above-a-longer-overlay',
    programs: QEMU_7,
    before: (run, action) => isStale(followersOfOverlay(run, action)),
  },
  {
    name: 'reading what an overlay has cut off an exported node',
    shownBy: 'shorter-overlay-read',
    programs: QEMU,
    before: asksPastNode,
  },
  {
    name: 'read of a client that may fail',
    shownBy: 'read-error-keeps-the-connection',
    programs: QEMU,
    before: readsWhereItFails,
  },
  {
    name: 'copy before a write, to where there is no room',
    shownBy: 'target-too-short',
    programs: QEMU,
    before: copiesPastTarget,
  },
  ...TOOL_TRIGGERS,
  {
    name: 'tools on images that name their files with their whole path',
    shownBy: 'QBM-040',
    programs: /^node .*\(qbm /,
    before: (run, action) =>
      run.format === 'overlay' && wordsOf(action).some((word) => word.endsWith('.img')),
  },
  {
    name: 'read of a moment in one piece, from what was copied into what was not',
    shownBy: 'snapshot-read-across-clusters',
    programs: QEMU_7,
    before: readsAcrossCopied,
  },
  {
    name: 'read of a moment where the disk has zeros by now',
    shownBy: 'snapshot-after-zero-write',
    programs: QEMU_7,
    before: readsWhatWasZeroed,
  },
  {
    name: 'copy-on-read filter with a bottom that is not below it',
    shownBy: 'copy-on-read-from-another-chain',
    programs: QEMU,
    refused: (_, __, { id }) => id === 'REF-E-BOTTOM-CHAIN',
  },
  {
    name: 'copy-on-read through another filter, with bitmaps below that',
    shownBy: 'copy-on-read-through-a-filter',
    programs: QEMU,
    before: copiesThroughFilter,
  },
  {
    name: 'read through a filter that has nothing to copy',
    shownBy: 'copy-on-read-of-the-image-itself',
    programs: QEMU,
    before: readsThroughIdleFilter,
  },
  {
    name: 'reopening of a part of a disk, or with another size',
    shownBy: 'reopen-raw-part',
    programs: QEMU,
    before: reopensPart,
  },
  {
    name: 'shrinking within a cluster that has something beyond',
    shownBy: 'resize-data',
    programs: QEMU,
    before: leavesData,
  },
  {
    name: 'end within a sector of what has no length of its own',
    shownBy: 'copy-before-write-of-an-odd-size',
    programs: QEMU,
    before: losesItsEnd,
  },
  {
    name: 'growth of an image that was over a longer one, and is over none',
    shownBy: 'growth-shows-what-was-below',
    programs: QEMU,
    before: growsOverWhatWasBelow,
  },
  {
    name: 'removal or resize of a node whose bitmap is exported elsewhere',
    shownBy: 'del-of-a-node-whose-bitmap-is-exported-elsewhere',
    programs: QEMU,
    before: changesExportedBitmap,
  },
  {
    name: 'end of a disk of no bytes with stored bitmaps',
    shownBy: 'restart-zero-size',
    programs: QEMU,
    before: endsEmptyDisk,
  },
  {
    name: 'filter over what was resized below',
    shownBy: 'filter-over-what-was-resized-below',
    programs: QEMU,
    before: opensOverStale,
  },
  {
    name: 'overlay of another size below a part of a disk',
    shownBy: 'reopen-raw-part',
    programs: QEMU,
    before: cutsPart,
  },
  {
    name: 'image that lets go of the filter of a commit',
    shownBy: 'overlay-lets-go-of-a-commit-filter',
    programs: QEMU,
    before: leavesCommitFilter,
  },
  {
    name: 'reopening over a node that reaches another in two ways, which fails',
    shownBy: 'reopen-undone-over-its-own-file',
    programs: QEMU_7,
    refused: reopensOverTwoWays,
  },
  {
    name: 'cancel of a commit that follows its disk, whose base becomes read-only again',
    shownBy: 'commit-active-cancelled-base',
    programs: QEMU_10,
    before: ({ jobs }, action) => {
      if (action.verb !== 'qmp' || !/^(block-)?job-cancel$/.test(action.command)) return false;
      const id = action.arguments?.id ?? action.arguments?.device;
      return jobs.some((job) => job.id === id && job.driver.type === 'commit' && job.status === 'ready');
    },
  },
  {
    name: 'reopening with another size below a node that follows',
    shownBy: 'bitmap-above-a-longer-overlay',
    programs: QEMU_10,
    before: reopensBelowFollowers,
  },
  {
    name: 'faults of reads at a node that asks for whole blocks, and reads what is around a part of one',
    shownBy: 'write-beside-what-cannot-be-read',
    programs: QEMU,
    before: readsAroundFaults,
  },
  {
    name: 'discard of a part of a block',
    shownBy: 'discard-of-a-part-of-a-block',
    programs: QEMU,
    before: discardsPart,
  },
  {
    name: 'blocks that are larger than what the node below takes at once',
    shownBy: 'blocks-larger-than-pieces-below',
    programs: QEMU,
    before: stacksLimits,
  },
  {
    name: 'node that is made for one that is not open yet, and names that',
    shownBy: 'half-open-node-as-a-child',
    programs: QEMU,
    before: namesHalfOpen,
  },
  {
    name: 'reopening of a node of which force-share was said',
    shownBy: 'reopen-with-force-share',
    programs: QEMU,
    before: reopensForceShare,
  },
  {
    name: 'reopening that is refused, of an image over what is in use otherwise',
    shownBy: 'refused-reopen-and-what-is-in-use',
    programs: QEMU,
    refused: reordersUses,
  },
  {
    name: 'reopening of one node twice',
    shownBy: 'reopen-of-one-node-twice',
    programs: QEMU_10,
    before: reopensTwice,
  },
  {
    name: 'image that becomes read-only while a job has its stored bitmap',
    shownBy: 'read-only-while-a-backup-ends',
    programs: QEMU,
    before: closesTakenBitmap,
  },
  {
    name: 'resize below or beside a node with bitmaps, or one that remembers its size',
    shownBy: 'bitmap-resize-below-raw',
    programs: QEMU_7,
    before: leavesBitmaps,
  },
  {
    name: 'resize below or beside another node',
    shownBy: 'bitmap-resize-below-raw',
    programs: QEMU_10,
    before: leavesSize,
  },
  ...KNOWN_OF_DEVICES,
  ...KNOWN_OF_MADE,
  ...KNOWN_OF_CHAINS,
  ...TOGETHER,
  ...KNOWN_OF_THREADS,
];
