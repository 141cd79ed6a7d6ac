/** The known triggers about chains and the jobs on them. */
import { chainFrom, hasInChain, imageBelow, imageOf } from '../../../spec/block/chain/walk.js';
import { Node } from '../../../spec/block/node.js';
import { statusOf } from '../../../spec/block/status.js';
import { BlockJob } from '../../../spec/job/block-job.js';
import type { JsonObject } from '../../../spec/json/value.js';
import type { Action } from '../../case/case.js';
import { asksFor, commandsOf } from '../commands.js';
import { asked } from '../draw/asked.js';
import type { ModelRun } from '../draw/model-run.js';
import { below } from './copy-on-read.js';
import { leavesOverlayToBackup } from './job/alone.js';
import { QEMU, QEMU_7, QEMU_10 } from './programs.js';
import { isStale } from './resize.js';
import { overlaidOtherwise } from './step/overlay.js';
import type { Trigger } from './trigger.js';

/** The arguments of a command of this name; undefined for other steps. */
function given(action: Action, command: string): JsonObject | undefined {
  return action.verb === 'qmp' && action.command === command ? (action.arguments ?? {}) : undefined;
}

function nodeOf(run: ModelRun, name: unknown): Node | undefined {
  return typeof name === 'string' ? run.machine.graph.find(name) : undefined;
}

/** The node of the chain of `top` whose file is called so, or that has this name. */
function memberOf(run: ModelRun, top: Node, { name, file }: { name: unknown; file: unknown }): Node | null {
  if (name !== undefined) return nodeOf(run, name) ?? null;
  if (typeof file !== 'string') return null;
  const plain = file.replace(/^\$/, '').replace(/\.img$/, '');
  const found = nodeOf(run, plain);
  return found !== undefined && hasInChain(top, found) ? found : null;
}

/** What a stream leaves below: null for nothing. */
function streamBase(run: ModelRun, top: Node, args: JsonObject): Node | null {
  const bottom = nodeOf(run, args.bottom);
  if (bottom !== undefined) return imageBelow(bottom);
  const base = memberOf(run, top, { name: args['base-node'], file: args.base });
  return base === null ? null : imageOf(base);
}

/** Whether `node` lacks some of a range itself. */
function lacks(node: Node, from: number, to: number): boolean {
  for (let at = from; at < to; ) {
    const here = at;
    const status = asked(() => statusOf(node, here, to - here));
    if (status === null) return false;
    if (!status.isAllocated) return true;
    at += status.length;
  }
  return false;
}

/** A stream of an image over a shorter one, onto a base that is longer than that. */
function losesZeros(run: ModelRun, action: Action): boolean {
  const args = given(action, 'block-stream');
  const top = nodeOf(run, args?.device);
  if (args === undefined || top === undefined) return false;
  const base = streamBase(run, top, args);
  const first = imageBelow(top);
  if (base === null || first === null || first === base) return false;
  return asked(() => lacks(imageOf(top), first.size, Math.min(base.size, top.size))) === true;
}

/** A commit below an image that is longer than what is committed, into a base that is longer, too. */
function showsBase(run: ModelRun, action: Action): boolean {
  const commit = commitOf(run, action);
  if (commit === null) return false;
  const { top, base } = commit;
  return [...above(top)].some(({ size }) => Math.min(size, base.size) > top.size);
}

/** The images that stand on a node, past filters. */
function* above(node: Node): Generator<Node> {
  for (const { parent, role } of node.parents) {
    if (!(parent instanceof Node)) continue;
    if (role === 'backing') yield parent;
    else yield* above(parent);
  }
}

function lowest(top: Node): Node {
  let image = imageOf(top);
  for (let next = imageBelow(image); next !== null; next = imageBelow(image)) image = next;
  return image;
}

/** Base and top of a commit that is asked for. */
function commitOf(run: ModelRun, action: Action): { readonly top: Node; readonly base: Node } | null {
  const args = given(action, 'block-commit');
  const device = nodeOf(run, args?.device);
  if (args === undefined || device === undefined) return null;
  const isNamed = args['top-node'] !== undefined || args.top !== undefined;
  const top = isNamed ? memberOf(run, device, { name: args['top-node'], file: args.top }) : device;
  if (top === null) return null;
  const base = memberOf(run, top, { name: args['base-node'], file: args.base }) ?? lowest(top);
  return { top, base };
}

/** Nodes whose size follows that of another one from now on: those above a commit into a longer base, or above a snapshot. */
function* resizedFromBelow(run: ModelRun, action: Action): Generator<Node> {
  const commit = commitOf(run, action);
  if (commit !== null && commit.base.size > commit.top.size) yield* followers(commit.top);
  const ending = endingOf(run, action);
  if (ending !== null) yield* followers(ending);
  for (const node of overlaidOtherwise(run, action)) yield* followers(node);
}

/** The nodes that stand on the base of a commit, which grows: nobody tells them. */
function* leftByGrowth(run: ModelRun, action: Action): Generator<Node> {
  const commit = commitOf(run, action);
  if (commit !== null && commit.base.size < commit.top.size) yield* followers(commit.base);
}

/** The filter of a commit into a base of another size, that is asked for its end. */
function endingOf(run: ModelRun, action: Action): Node | null {
  if (action.verb !== 'qmp' || !/^(block-)?job-(complete|finalize)$/.test(action.command)) return null;
  const id = action.arguments?.id ?? action.arguments?.device;
  const job = run.jobs.find((one) => one.id === id);
  if (!(job instanceof BlockJob) || job.driver.type !== 'commit') return null;
  const base = job.uses.find(({ name }) => name === 'base' || name === 'target')?.child;
  const top = job.uses.find(({ name }) => name === 'intermediate node' || name === 'source')?.child;
  if (base === undefined || top === undefined || base.size === top.size) return null;
  return top.parents.find(({ parent }) => parent instanceof Node && parent.neverFrozen)
    ?.parent as Node | null;
}

/** The base that a stream or a commit has by now which is asked for its end, or to go on to that. */
function baseAtEnd(run: ModelRun, action: Action): Node | null {
  if (action.verb !== 'qmp' || !/^(block-)?job-(finalize|resume)$/.test(action.command)) return null;
  const id = action.arguments?.id ?? action.arguments?.device;
  const job = run.jobs.find((one) => one.id === id);
  if (!(job instanceof BlockJob)) return null;
  if (job.driver.type === 'commit') return imageOfBase(job);
  return job.driver.type === 'stream' ? baseOfStream(job) : null;
}

function imageOfBase({ uses }: BlockJob): Node | null {
  const base = uses.find(({ name }) => name === 'base')?.child;
  return base === undefined ? null : imageOf(base);
}

/** No command has named it. */
function baseOfStream(job: BlockJob): Node | null {
  const used = new Set(job.uses.map(({ child }) => child));
  const top = job.uses.find(({ name }) => name === 'active node')?.child;
  for (let image = top === undefined ? null : imageOf(top); image !== null; image = imageBelow(image))
    if (!used.has(image)) return image;
  return null;
}

function* followers(node: Node): Generator<Node> {
  for (const { parent, role } of node.parents) {
    if (!(parent instanceof Node) || role === 'backing') continue;
    yield parent;
    yield* followers(parent);
  }
}

/** The node whose file an image is to name as what it stands on. */
function* namedBases(run: ModelRun, action: Action): Generator<Node> {
  for (const { name, args } of commandsOf(action)) {
    if (name !== 'blockdev-snapshot-sync' || args.mode === 'existing') continue;
    const node = nodeOf(run, args['node-name']);
    if (node !== undefined) yield node;
  }
  const commit = given(action, 'block-commit')?.['backing-file'] === undefined ? commitOf(run, action) : null;
  if (commit !== null && [...above(commit.top)].length > 0) yield imageOf(commit.base);
  const stream = given(action, 'block-stream');
  const top = nodeOf(run, stream?.device);
  const base = stream === undefined || top === undefined ? null : streamBase(run, top, stream);
  if (base !== null && stream?.['backing-file'] === undefined) yield base;
}

export const KNOWN_OF_CHAINS: readonly Trigger[] = [
  {
    name: 'stream of what is beyond the end of an image on the way',
    shownBy: 'stream-shorter-on-the-way',
    programs: QEMU,
    before: losesZeros,
  },
  {
    name: 'commit below an image that is longer than what is committed',
    shownBy: 'commit-beyond-the-end',
    programs: QEMU,
    before: showsBase,
  },
  {
    name: 'stream that is kept when it has ended',
    shownBy: 'stream-done-and-kept',
    programs: QEMU,
    before: (_, action) => given(action, 'block-stream')?.['auto-dismiss'] === false,
  },
  {
    name: 'stream that is refused because of who uses what is on the way',
    shownBy: 'stream-refused-leaves-nothing',
    programs: QEMU,
    refused: (_, action, { id }) => given(action, 'block-stream') !== undefined && id === 'REF-E-CONFLICT',
  },
  {
    name: 'bitmap above what becomes longer or shorter',
    shownBy: 'bitmap-above-a-longer-overlay',
    programs: QEMU,
    before: (run, action) => [...resizedFromBelow(run, action)].some(({ bitmaps }) => bitmaps.length > 0),
  },
  {
    name: 'blkdebug above what becomes longer or shorter',
    shownBy: 'blkdebug-above-another-size',
    programs: QEMU,
    before: (run, action) =>
      [...resizedFromBelow(run, action)].some(({ driver }) => driver.name === 'blkdebug'),
  },
  {
    name: 'node above what becomes longer or shorter',
    shownBy: 'bitmap-above-a-longer-overlay',
    programs: QEMU_10,
    before: (run, action) => !resizedFromBelow(run, action).next().done,
  },
  {
    name: 'commit that grows a base below a node that remembers its size',
    shownBy: 'bitmap-resize-below-raw',
    programs: QEMU_7,
    before: (run, action) => isStale(leftByGrowth(run, action)),
  },
  {
    name: 'commit that grows a base below another node',
    shownBy: 'bitmap-resize-below-raw',
    programs: QEMU_10,
    before: (run, action) => !leftByGrowth(run, action).next().done,
  },
  {
    name: 'overlay that nobody holds but the filter of a backup',
    shownBy: 'backup-ends-below-an-overlay-of-its-own',
    programs: QEMU_10,
    before: leavesOverlayToBackup,
  },
  {
    name: 'words of a snapshot whose node cannot be flushed',
    shownBy: 'blkdebug-flush',
    programs: QEMU_10,
    refused: (_, __, { id }) => id === 'REF-E-SNAPSHOT-FLUSH',
  },
  {
    name: 'stream through a filter, with bitmaps below that',
    shownBy: 'stream-through-a-filter-and-bitmaps',
    programs: QEMU,
    before: (run, action) => {
      const top = nodeOf(run, given(action, 'block-stream')?.device);
      return top?.driver.shown !== undefined && [...below(top)].some(({ bitmaps }) => bitmaps.length > 0);
    },
  },
  {
    name: 'commit into a filter, whose name is stored as a format',
    shownBy: 'commit-into-a-filter-restart',
    programs: QEMU,
    before: (run, action) => {
      const commit = commitOf(run, action);
      return commit?.base.driver.shown !== undefined && [...above(commit.top)].length > 0;
    },
  },
  {
    name: 'stream that is to end on what a commit has on its way',
    shownBy: 'stream-failed-says-what-it-stands-on',
    programs: QEMU,
    before: (run, action) => {
      const top = nodeOf(run, given(action, 'block-stream')?.device);
      return top !== undefined && [...chainFrom(top)].some(({ driver }) => driver.name === 'commit_top');
    },
  },
  {
    name: 'another image below what is streamed, past a filter',
    shownBy: 'stream-base-behind-a-filter-goes',
    programs: QEMU,
    before: (run, action) =>
      given(action, 'blockdev-reopen') !== undefined &&
      run.jobs.some(({ driver }) => driver.type === 'stream') &&
      run.nodes.some(({ backing }) => backing?.driver.shown !== undefined),
  },
  {
    name: 'top of a commit by the name that it had',
    shownBy: 'commit-top-by-its-own-file',
    programs: QEMU,
    before: (run, action) => {
      const args = given(action, 'block-commit');
      return args?.top !== undefined && nodeOf(run, args.device)?.filename.startsWith('json:') === true;
    },
  },
  {
    name: 'base that only QEMU can name, by all its options',
    shownBy: 'stream-base-with-another-backing',
    programs: QEMU,
    before: (run, action) =>
      [...namedBases(run, action), baseAtEnd(run, action)].some(
        (base) => base?.filename.startsWith('json:') === true,
      ),
  },
  {
    name: 'overlay of an image that only QEMU can name, by all its options',
    shownBy: 'snapshot-over-another-backing',
    programs: QEMU,
    before: (run, action) =>
      asksFor(action, (name, { 'node-name': node, device, mode }) => {
        if (name !== 'blockdev-snapshot-sync' || mode === 'existing') return false;
        return run.machine.graph.findAny(String(node ?? device))?.filename.startsWith('json:') === true;
      }),
  },
  {
    name: 'base that an image cannot name',
    shownBy: 'change-backing-to-raw',
    programs: QEMU,
    refused: (_, __, { id }) => id === 'REF-E-BACKING-NAME',
  },
  {
    name: 'words of a refused resize of a backing file',
    shownBy: 'backing-permissions',
    programs: QEMU_10,
    refused: (_, action, { id }) =>
      given(action, 'block_resize') !== undefined && id === 'REF-E-DEVICE-IN-USE',
  },
];
