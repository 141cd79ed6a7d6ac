/** NBD exports, and requests that feed bitmaps. */
import type { Extent, MetaContext } from '../../../../spec/nbd/export.js';
import { Exports } from '../../../../spec/nbd/exports.js';
import { Machine } from '../../../../spec/qmp/machine.js';
import type { Mistake } from '../mistake.js';
import { patch, type Undo } from '../patch.js';

type Request = Parameters<Machine['io']>[1];

type Exported = ReturnType<Exports['add']>;

/** Does something else to each export that is made. */
function onExport(change: (one: Exported) => void): Undo {
  return patch(
    Exports.prototype,
    'add',
    (add) =>
      function (this: Exports, ...args: Parameters<Exports['add']>) {
        const one = add.apply(this, args);
        change(one);
        return one;
      },
  );
}

/** What a client asks of a map, and of what size the export is. */
interface Question {
  readonly size: number;
  readonly context: MetaContext;
  readonly offset: number;
  readonly length: number;
}

/** Answers otherwise what is asked of the maps of exports. */
function onMap(answer: (question: Question) => Iterable<Extent>): Undo {
  return onExport((one) => {
    one.contexts = one.contexts.map((context) => ({
      ...context,
      extents: (offset, length) => answer({ size: one.size, context, offset, length }),
    }));
  });
}

export const EXPORTS: readonly Mistake[] = [
  {
    name: 'an exported bitmap is not busy',
    part: 'exports',
    like: 'b27a6b8b32',
    plant: () =>
      onExport((one) => {
        for (const bitmap of one.bitmaps) bitmap.busy = false;
      }),
  },
  {
    name: 'of two bitmaps an export shows one',
    part: 'exports',
    like: '73e064ccf0',
    plant: () =>
      onExport((one) => {
        if (one.bitmaps.length > 1) one.contexts = one.contexts.slice(0, -1);
      }),
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
  {
    name: 'a map begins with an extent of no bytes',
    part: 'exports',
    like: 'NBD servers',
    plant: () =>
      onMap(function* ({ context, offset, length }) {
        yield { length: 0, flags: 3 };
        yield* context.extents(offset, length);
      }),
  },
  {
    name: 'the last piece of a map is left out where the disk has a tail',
    part: 'exports',
    like: '76d570dc49',
    plant: () =>
      onMap(({ size, context, offset, length }) => {
        const all = [...context.extents(offset, length)];
        return all.length > 1 && offset + length === size ? all.slice(0, -1) : all;
      }),
  },
];
