/** Bitmaps that outlive the program. */
import { QmpError } from '../../../../spec/qmp/errors.js';
import type { Machine } from '../../../../spec/qmp/machine.js';
import { ReferenceModel } from '../../../target/reference/model.js';
import { nodeOf, onCommand } from '../command.js';
import type { Mistake } from '../mistake.js';
import { patch } from '../patch.js';

/** node/bitmap, of machines that follow one that was killed */
const TAKEN = new WeakMap<Machine, ReadonlySet<string>>();

function persistentIn({ graph }: Machine): string[] {
  return graph.nodes.flatMap(({ name, bitmaps }) =>
    bitmaps.filter(({ persistent }) => persistent).map((bitmap) => `${name}/${bitmap.name}`),
  );
}

export const PERSISTENCE: readonly Mistake[] = [
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
  {
    name: 'after a crash the names of bitmaps that were never stored are taken',
    part: 'persistence',
    like: 'a1db8733d2',
    plant: () => {
      const undo = patch(
        ReferenceModel.prototype,
        'restart',
        (restart) =>
          function (this: ReferenceModel, how) {
            const taken = how === 'kill' ? persistentIn(this.machine) : [];
            restart.call(this, how);
            TAKEN.set(this.machine, new Set(taken));
          },
      );
      const undoAdd = onCommand((machine, request, go) => {
        const { node, name } = request.arguments ?? {};
        if (request.name === 'block-dirty-bitmap-add' && TAKEN.get(machine)?.has(`${node}/${name}`) === true)
          throw new QmpError('BMP-E-NAME-TAKEN', 'GenericError', 'Bitmap already exists');
        return go();
      })();
      return () => {
        undoAdd();
        undo();
      };
    },
  },
];
