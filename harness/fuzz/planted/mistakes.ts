/** Mistakes like those that shipped block layers have made, each as small as it can be. */
import { BitVector } from '../../../spec/bitmap/bits.js';
import { DirtyBitmap } from '../../../spec/bitmap/dirty-bitmap.js';
import { BlockCopy } from '../../../spec/block/copy/block-copy.js';
import { BackupBitmap } from '../../../spec/job/backup.js';
import { Job } from '../../../spec/job/job.js';
import { type Json, jsonObject } from '../../../spec/json/value.js';
import { Exports } from '../../../spec/nbd/exports.js';
import { QmpError } from '../../../spec/qmp/errors.js';
import { Machine } from '../../../spec/qmp/machine.js';
import type { CommandRequest } from '../../../spec/qmp/validate.js';
import { ReferenceModel } from '../../target/reference-model.js';
import type { Mistake } from './mistake.js';
import { patch, patchGetter, type Undo } from './patch.js';
import { TOOL_MISTAKES } from './tool-mistakes.js';

type Request = Parameters<Machine['io']>[1];

/** What a command does besides, or instead. */
function onCommand(change: (machine: Machine, request: CommandRequest, go: () => Json) => Json): () => Undo {
  return () =>
    patch(
      Machine.prototype,
      'execute',
      (execute) =>
        function (this: Machine, request: CommandRequest) {
          return change(this, request, () => execute.call(this, request));
        },
    );
}

function nodeOf(machine: Machine, { arguments: args }: CommandRequest, member = 'node-name') {
  return machine.graph.find(String(args?.[member]));
}

const BITMAPS: readonly Mistake[] = [
  {
    name: 'merging into a bitmap that is empty does nothing',
    part: 'bitmaps',
    like: 'd1dde7149e',
    plant: () =>
      patch(
        BitVector.prototype,
        'or',
        (or) =>
          function (this: BitVector, other: BitVector) {
            if (this.count > 0) or.call(this, other);
          },
      ),
  },
  {
    name: 'a bitmap does not follow a disk that grows',
    part: 'bitmaps',
    like: '4e4de22279',
    plant: () =>
      patch(
        DirtyBitmap.prototype,
        'resize',
        (resize) =>
          function (this: DirtyBitmap, size: number) {
            if (size < this.size) resize.call(this, size);
          },
      ),
  },
  {
    name: 'a write of no bytes marks a granule',
    part: 'bitmaps',
    like: 'fed33bd175',
    plant: () =>
      patch(
        Machine.prototype,
        'io',
        (io) =>
          function (this: Machine, name: string, request: Request) {
            const result = io.call(this, name, request);
            if (request.op !== 'write' || request.bytes.length > 0) return result;
            const node = this.graph.lookup('', name);
            for (const bitmap of node.bitmaps)
              if (request.offset < node.size) bitmap.record(request.offset, 1);
            return result;
          },
      ),
  },
  {
    name: 'the last granule of a merge between granularities is left out',
    part: 'bitmaps',
    like: 'c5b40c1f9c',
    plant: onCommand((_, request, go) => {
      if (!request.name.endsWith('-merge')) return go();
      const undo = patch(
        BitVector.prototype,
        'setRange',
        (set) =>
          function (this: BitVector, from: number, to: number) {
            set.call(this, from, to > from + 1 ? to - 1 : to);
          },
      );
      try {
        return go();
      } finally {
        undo();
      }
    }),
  },
  {
    name: 'the count is in granules',
    part: 'bitmaps',
    like: '6c98c57af3',
    plant: () => patchGetter(DirtyBitmap.prototype, 'count', ({ bits }) => bits.count),
  },
  {
    name: 'a disabled bitmap cannot be cleared',
    part: 'bitmaps',
    like: '0be37c9e19',
    plant: onCommand((machine, request, go) => {
      const bitmap = nodeOf(machine, request, 'node')?.bitmap(String(request.arguments?.name));
      if (request.name.endsWith('-bitmap-clear') && bitmap?.enabled === false && !bitmap.busy) {
        throw new QmpError('BMP-E-DISABLED', 'GenericError', `Bitmap '${bitmap.name}' is disabled`);
      }
      return go();
    }),
  },
  {
    name: 'a clear or merge that is taken back stays',
    part: 'bitmaps',
    like: '07d5a8df6a',
    plant: () => patch(DirtyBitmap.prototype, 'restore', () => () => {}),
  },
  {
    name: 'marking rounds inwards at the end of a write',
    part: 'bitmaps',
    like: 'P2',
    plant: () =>
      patch(
        DirtyBitmap.prototype,
        'record',
        (record) =>
          function (this: DirtyBitmap, at: number, length: number) {
            const end = Math.floor((at + length) / this.granularity) * this.granularity;
            record.call(this, at, end > at ? end - at : length);
          },
      ),
  },
  {
    name: 'a discard marks nothing',
    part: 'bitmaps',
    like: '00695c27a0',
    plant: () =>
      patch(
        Machine.prototype,
        'io',
        (io) =>
          function (this: Machine, node: string, request: Request) {
            if (request.op !== 'discard') return io.call(this, node, request);
            const undo = patch(DirtyBitmap.prototype, 'record', () => () => {});
            try {
              return io.call(this, node, request);
            } finally {
              undo();
            }
          },
      ),
  },
];

const PERSISTENCE: readonly Mistake[] = [
  {
    name: 'a stored bitmap that was disabled records after a restart',
    part: 'persistence',
    like: 'P5',
    plant: onCommand((machine, request, go) => {
      const result = go();
      if (request.name !== 'blockdev-add') return result;
      for (const bitmap of nodeOf(machine, request)?.bitmaps ?? []) bitmap.enabled = true;
      return result;
    }),
  },
  {
    name: 'a crash is taken for a good end',
    part: 'persistence',
    like: 'launchpad 1814418',
    plant: () =>
      patch(
        ReferenceModel.prototype,
        'restart',
        (restart) =>
          function (this: ReferenceModel) {
            restart.call(this, 'quit');
          },
      ),
  },
  {
    name: 'an end without storing',
    part: 'persistence',
    like: '44',
    plant: () =>
      patch(
        ReferenceModel.prototype,
        'restart',
        (restart) =>
          function (this: ReferenceModel) {
            restart.call(this, 'kill');
          },
      ),
  },
  {
    name: 'a bitmap of an image that became writable stays read-only',
    part: 'persistence',
    like: 'f6333cbf8b',
    plant: onCommand((machine, request, go) => {
      const result = go();
      if (request.name === 'blockdev-reopen') {
        for (const { bitmaps } of machine.graph.nodes) {
          for (const bitmap of bitmaps) if (bitmap.persistent) bitmap.readonly = true;
        }
      }
      return result;
    }),
  },
];

const BACKUP: readonly Mistake[] = [
  {
    name: 'the bitmap of a backup that failed is cleared all the same',
    part: 'backup',
    like: '35d6b368f2',
    plant: () =>
      patch(
        BackupBitmap.prototype,
        'release',
        (release) =>
          function (this: BackupBitmap) {
            release.call(this, null);
          },
      ),
  },
  {
    name: 'the bitmap of a backup that was refused stays busy',
    part: 'backup',
    like: 'P1',
    plant: () => patch(BackupBitmap.prototype, 'unfreeze', () => () => {}),
  },
  {
    name: 'the last cluster is not copied where it is cut by the end of the disk',
    part: 'backup',
    like: '1048ddf0a3',
    plant: () =>
      patch(
        BlockCopy.prototype,
        'copyRange',
        (copy) =>
          function (this: BlockCopy, at: number, length: number) {
            const { size } = this.toCopy;
            const tail = Math.floor(size / this.cluster) * this.cluster;
            if (at + length <= tail) copy.call(this, at, length);
            else {
              if (at < tail) copy.call(this, at, tail - at);
              this.toCopy.unmark(tail, size - tail);
            }
          },
      ),
  },
  {
    name: 'progress is counted twice',
    part: 'backup',
    like: '90ab48eb07',
    plant: () =>
      patch(
        BlockCopy.prototype,
        'report',
        (report) =>
          function (this: BlockCopy, progress: { current: number; total: number }) {
            report.call(this, progress);
            progress.total *= 2;
          },
      ),
  },
];

const OTHERS: readonly Mistake[] = [
  {
    name: 'a soft cancel is a forced one, and the other way round',
    part: 'mirror',
    like: '401dd096ef',
    plant: () =>
      patch(
        Job.prototype,
        'cancel',
        (cancel) =>
          function (this: Job, force: boolean) {
            cancel.call(this, !force);
          },
      ),
  },
  {
    name: 'an export that goes keeps its node',
    part: 'graph',
    like: 'P4',
    plant: onCommand((machine, request, go) => {
      const one = machine.exports.all.find(({ id }) => id === request.arguments?.id);
      const result = go();
      if (request.name === 'block-export-del' && one !== undefined) one.edge.child.pinned += 1;
      return result;
    }),
  },
  {
    name: 'a list of nodes to reopen of which one fails is done in part',
    part: 'graph',
    like: '9ad08c4456',
    plant: onCommand((machine, request, go) => {
      try {
        return go();
      } catch (refusal) {
        const options = request.arguments?.options;
        if (request.name === 'blockdev-reopen' && Array.isArray(options) && options.length > 1) {
          try {
            machine.execute({ name: request.name, arguments: jsonObject({ options: [options[0]!] }) });
          } catch {
            // that one failed, too
          }
        }
        throw refusal;
      }
    }),
  },
  {
    name: 'an exported bitmap is not busy',
    part: 'exports',
    like: 'b27a6b8b32',
    plant: () =>
      patch(
        Exports.prototype,
        'add',
        (add) =>
          function (this: Exports, ...args: Parameters<Exports['add']>) {
            const one = add.apply(this, args);
            for (const bitmap of one.bitmaps) bitmap.busy = false;
            return one;
          },
      ),
  },
  {
    name: 'of two bitmaps an export shows one',
    part: 'exports',
    like: '73e064ccf0',
    plant: () =>
      patch(
        Exports.prototype,
        'add',
        (add) =>
          function (this: Exports, ...args: Parameters<Exports['add']>) {
            const one = add.apply(this, args);
            if (one.bitmaps.length > 1) one.contexts = one.contexts.slice(0, -1);
            return one;
          },
      ),
  },
  {
    name: 'a discard leaves what was there',
    part: 'exports',
    like: '80f5c01183',
    plant: () =>
      patch(
        Machine.prototype,
        'io',
        (io) =>
          function (this: Machine, node: string, request: Request) {
            return io.call(this, node, request.op === 'discard' ? { ...request, length: 0 } : request);
          },
      ),
  },
];

export const MISTAKES: readonly Mistake[] = [
  ...BITMAPS,
  ...PERSISTENCE,
  ...BACKUP,
  ...OTHERS,
  ...TOOL_MISTAKES,
];
