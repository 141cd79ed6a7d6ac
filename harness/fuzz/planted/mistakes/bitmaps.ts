/** Dirty bitmaps in memory. */
import { BitVector } from '../../../../spec/bitmap/bits.js';
import { DirtyBitmap } from '../../../../spec/bitmap/dirty-bitmap.js';
import { QmpError } from '../../../../spec/qmp/errors.js';
import { Machine } from '../../../../spec/qmp/machine.js';
import { nodeOf, onCommand } from '../command.js';
import type { Mistake } from '../mistake.js';
import { patch, patchGetter } from '../patch.js';

type Request = Parameters<Machine['io']>[1];

export const BITMAPS: readonly Mistake[] = [
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
  {
    name: 'a bitmap that is busy can be merged into',
    part: 'bitmaps',
    like: '283d7a04f2',
    plant: onCommand((machine, request, go) => {
      const target = nodeOf(machine, request, 'node')?.bitmap(String(request.arguments?.target));
      if (!request.name.endsWith('-merge') || target?.busy !== true) return go();
      target.busy = false;
      try {
        return go();
      } finally {
        target.busy = true;
      }
    }),
  },
  {
    name: 'a resize leaves stored bitmaps as they are',
    part: 'bitmaps',
    like: 'd19c6b36ff',
    plant: () =>
      patch(
        DirtyBitmap.prototype,
        'resize',
        (resize) =>
          function (this: DirtyBitmap, size: number) {
            if (!this.persistent) resize.call(this, size);
          },
      ),
  },
];
