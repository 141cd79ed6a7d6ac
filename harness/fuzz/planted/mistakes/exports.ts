/** NBD exports, and requests that feed bitmaps. */
import { Exports } from '../../../../spec/nbd/exports.js';
import { Machine } from '../../../../spec/qmp/machine.js';
import type { Mistake } from '../mistake.js';
import { patch } from '../patch.js';

type Request = Parameters<Machine['io']>[1];

export const EXPORTS: readonly Mistake[] = [
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
  {
    name: 'a map begins with an extent of no bytes',
    part: 'exports',
    like: 'NBD servers',
    plant: () =>
      patch(
        Exports.prototype,
        'add',
        (add) =>
          function (this: Exports, ...args: Parameters<Exports['add']>) {
            const one = add.apply(this, args);
            one.contexts = one.contexts.map((context) => ({
              ...context,
              *extents(offset: number, length: number) {
                yield { length: 0, flags: 3 };
                yield* context.extents(offset, length);
              },
            }));
            return one;
          },
      ),
  },
  {
    name: 'the last piece of a map is left out where the disk has a tail',
    part: 'exports',
    like: '76d570dc49',
    plant: () =>
      patch(
        Exports.prototype,
        'add',
        (add) =>
          function (this: Exports, ...args: Parameters<Exports['add']>) {
            const one = add.apply(this, args);
            one.contexts = one.contexts.map((context) => ({
              ...context,
              extents(offset: number, length: number) {
                const all = [...context.extents(offset, length)];
                return all.length > 1 && offset + length === one.size ? all.slice(0, -1) : all;
              },
            }));
            return one;
          },
      ),
  },
];
