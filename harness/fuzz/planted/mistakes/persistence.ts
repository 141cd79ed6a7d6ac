/** Bitmaps that outlive the program. */
import { ReferenceModel } from '../../../target/reference-model.js';
import { nodeOf, onCommand } from '../command.js';
import type { Mistake } from '../mistake.js';
import { patch } from '../patch.js';

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
];
