/** block-commit: checks in QEMU's order, then the job, of one of two kinds. spec/job/commit/COMMIT.md. */
import { checkBlockers } from '../../../block/blockers.js';
import { findByFile } from '../../../block/chain/name.js';
import { below, chainFrom, hasInChain, imageBelow, imageOf, overlayOf } from '../../../block/chain/walk.js';
import { BlockError } from '../../../block/errors.js';
import type { Graph } from '../../../block/graph.js';
import type { Node } from '../../../block/node.js';
import { permissionsOf, WRITE } from '../../../block/permissions.js';
import { startActiveCommit } from '../../../job/commit/active.js';
import { startCommit } from '../../../job/commit/start.js';
import { JobError } from '../../../job/errors.js';
import { commandsOf } from '../../command.js';
import { deviceNotFound } from '../../device-errors.js';
import type { Machine } from '../../machine.js';
import { bool, empty, type Infer, int, optional, str, struct } from '../../types.js';
import { exactNumber } from '../../validate.js';
import { BlockdevOnError } from '../backup.js';

const define = commandsOf<Machine>();

const BlockCommit = struct('BlockCommitArguments', {
  'job-id': optional(str, { doc: 'default: the name of the drive' }),
  device: { type: str, optional: false, doc: 'the top of the chain: a drive or a node that no other uses' },
  'base-node': optional(str, { doc: 'what is committed into; default: the lowest image' }),
  base: optional(str, { doc: 'the same, by file', features: ['deprecated'] }),
  'top-node': optional(str, { doc: 'the uppermost node that is committed; default: the device itself' }),
  top: optional(str, { doc: 'the same, by file', features: ['deprecated'] }),
  'backing-file': optional(str, {
    doc: 'what is above is told that the base is called so; default: as it is',
  }),
  speed: optional(int, { doc: 'bytes a second; default 0: no limit' }),
  'on-error': optional(BlockdevOnError, { doc: 'default report' }),
  'filter-node-name': optional(str, { doc: 'of the filter above what is committed' }),
  'auto-finalize': optional(bool, { doc: 'default true' }),
  'auto-dismiss': optional(bool, { doc: 'default true' }),
});
type Arguments = Infer<typeof BlockCommit>;

/** JOB-111 */
function blockCommit({ graph, jobs }: Machine, args: Arguments): void {
  // PRECONDITIONS
  const device = deviceOf(graph, args.device);
  checkBlockers(device, 'commit-source');
  const top = topOf(graph, device, args);
  const base = baseOf(graph, top, args);
  for (const node of chainFrom(top, below(base))) checkBlockers(node, 'commit-target');
  if (top === base) throw new JobError('JOB-E-COMMIT-ITSELF');
  const common = {
    id: args['job-id'],
    device,
    top,
    base,
    onError: args['on-error'] ?? ('report' as const),
    speed: exactNumber(args.speed ?? 0, 'speed'),
    filterName: args['filter-node-name'] ?? null,
    autoFinalize: args['auto-finalize'],
    autoDismiss: args['auto-dismiss'],
  };
  const backingFile = args['backing-file'] ?? null;
  // EFFECTS
  const isUppermost = imageOf(top) === imageOf(device);
  if (isUppermost || (permissionsOf(top).needs & WRITE) !== 0) {
    if (backingFile !== null)
      throw new JobError(isUppermost ? 'JOB-E-COMMIT-ACTIVE-NAME' : 'JOB-E-COMMIT-WRITER-NAME');
    startActiveCommit(graph, jobs, common);
    return;
  }
  checkBlockers(overlayOf(device, top)!, 'commit-target');
  startCommit(graph, jobs, { ...common, backingFile });
}

/** @throws QmpError REF-E-NO-DEVICE, BlockError */
function deviceOf(graph: Graph, name: string): Node {
  // A drive with nothing in it is as none.
  if (graph.findAny(name) === undefined) throw deviceNotFound({ device: name });
  const device = graph.lookup(name, name);
  if (!device.isRoot) throw new BlockError('REF-E-NOT-ROOT');
  return device;
}

/** @throws BlockError, JobError */
function topOf(graph: Graph, device: Node, { top: file, 'top-node': name }: Arguments): Node {
  if (file !== undefined && name !== undefined)
    throw new JobError('JOB-E-EXCLUSIVE', { one: 'top-node', other: 'top' });
  if (name !== undefined) return inChain(device, graph.lookup(undefined, name));
  if (file === undefined || file === device.filename) return device;
  const top = findByFile(device, file);
  if (top === null) throw new JobError('JOB-E-COMMIT-TOP', { file });
  return top;
}

/** @throws BlockError, JobError */
function baseOf(graph: Graph, top: Node, { base: file, 'base-node': name }: Arguments): Node {
  if (file !== undefined && name !== undefined)
    throw new JobError('JOB-E-EXCLUSIVE', { one: 'base-node', other: 'base' });
  if (name !== undefined) return inChain(top, graph.lookup(undefined, name));
  if (file === undefined) return lowest(top);
  const base = findByFile(top, file);
  if (base === null) throw new JobError('JOB-E-CHAIN-FILE', { file });
  return base;
}

/** @throws JobError JOB-E-COMMIT-CHAIN */
function inChain(top: Node, node: Node): Node {
  if (!hasInChain(top, node)) throw new JobError('JOB-E-COMMIT-CHAIN', { node: node.name });
  return node;
}

function lowest(top: Node): Node {
  for (let image = imageOf(top); ; ) {
    const next = imageBelow(image);
    if (next === null) return image;
    image = next;
  }
}

export const COMMIT_COMMANDS = [
  define({
    name: 'block-commit',
    doc: 'Writes what images of a chain have into one below, so that they are not needed any more, while guests go on.',
    args: BlockCommit,
    returns: empty,
    rules: [
      'JOB-110',
      'JOB-111',
      'JOB-112',
      'JOB-113',
      'JOB-114',
      'JOB-115',
      'JOB-116',
      'JOB-117',
      'JOB-120',
      'JOB-121',
      'JOB-122',
    ],
    execute: blockCommit,
  }),
];
