/** block-stream: checks in QEMU's order, then the job. spec/job/stream/STREAM.md. */
import { checkBlockers } from '../../../block/blockers.js';
import { findByFile } from '../../../block/chain/name.js';
import { below, chainFrom, hasInChain } from '../../../block/chain/walk.js';
import type { Graph } from '../../../block/graph.js';
import type { Node } from '../../../block/node.js';
import { JobError } from '../../../job/errors.js';
import { type NewStream, startStream } from '../../../job/stream/start.js';
import { commandsOf } from '../../command.js';
import type { Machine } from '../../machine.js';
import { bool, empty, type Infer, int, optional, str, struct } from '../../types.js';
import { exactNumber } from '../../validate.js';
import { BlockdevOnError } from '../backup.js';

const define = commandsOf<Machine>();

const BlockStream = struct('BlockStreamArguments', {
  'job-id': optional(str, { doc: 'default: the name of the drive' }),
  device: { type: str, optional: false, doc: 'the image that is to need less below: a drive or a node' },
  base: optional(str, { doc: 'the file of the image that it is to stand on; default: on none' }),
  'base-node': optional(str, { doc: 'the same, by node' }),
  'backing-file': optional(str, { doc: 'what the image is told that its base is called; default: as it is' }),
  bottom: optional(str, { doc: 'the lowest node whose content comes up, in the place of the base' }),
  speed: optional(int, { doc: 'bytes a second; default 0: no limit' }),
  'on-error': optional(BlockdevOnError, { doc: 'default report' }),
  'filter-node-name': optional(str, { doc: 'of the filter above the image' }),
  'auto-finalize': optional(bool, { doc: 'default true' }),
  'auto-dismiss': optional(bool, { doc: 'default true' }),
});
type Arguments = Infer<typeof BlockStream>;

/** JOB-101 */
function blockStream({ graph, jobs }: Machine, args: Arguments): void {
  // PRECONDITIONS
  for (const [one, other] of [
    ['base', 'base-node'],
    ['base', 'bottom'],
    ['bottom', 'base-node'],
  ] as const) {
    if (args[one] !== undefined && args[other] !== undefined)
      throw new JobError('JOB-E-TOGETHER', { one, other });
  }
  const top = graph.lookup(args.device, args.device);
  const until = untilOf(graph, top, args);
  const end = 'bottom' in until ? below(until.bottom) : until.base;
  for (const node of chainFrom(top, end)) checkBlockers(node, 'stream');
  const backingFile = args['backing-file'] ?? null;
  if (backingFile !== null && ('bottom' in until || until.base === null))
    throw new JobError('JOB-E-STREAM-WHOLE');
  // EFFECTS
  startStream(graph, jobs, {
    id: args['job-id'],
    top,
    until,
    backingFile,
    onError: args['on-error'] ?? 'report',
    speed: exactNumber(args.speed ?? 0, 'speed'),
    filterName: args['filter-node-name'] ?? null,
    autoFinalize: args['auto-finalize'],
    autoDismiss: args['auto-dismiss'],
  });
}

/** @throws BlockError, JobError */
function untilOf(graph: Graph, top: Node, args: Arguments): NewStream['until'] {
  const { base: file, 'base-node': baseName, bottom: bottomName, device } = args;
  if (file !== undefined) {
    const base = findByFile(top, file);
    if (base === null) throw new JobError('JOB-E-CHAIN-FILE', { file });
    return { base };
  }
  if (baseName !== undefined) {
    const base = graph.lookup(undefined, baseName);
    if (base === top || !hasInChain(top, base))
      throw new JobError('JOB-E-STREAM-BASE', { node: baseName, device });
    return { base };
  }
  if (bottomName === undefined) return { base: null };
  const bottom = graph.lookup(undefined, bottomName);
  if (bottom.driver.shown !== undefined)
    throw new JobError('JOB-E-STREAM-BOTTOM-FILTER', { node: bottomName });
  if (!hasInChain(top, bottom)) throw new JobError('JOB-E-STREAM-BOTTOM', { node: bottomName, device });
  return { bottom };
}

export const STREAM_COMMANDS = [
  define({
    name: 'block-stream',
    doc: 'Brings what lies below an image up into it, so that it needs less of its chain or nothing of it, while guests go on.',
    args: BlockStream,
    returns: empty,
    rules: [
      'JOB-100',
      'JOB-101',
      'JOB-102',
      'JOB-103',
      'JOB-104',
      'JOB-105',
      'JOB-106',
      'JOB-107',
      'JOB-108',
    ],
    execute: blockStream,
  }),
];
