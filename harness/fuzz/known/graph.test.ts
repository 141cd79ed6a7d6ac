import t from 'tap';
import { type JsonObject, jsonObject } from '../../../spec/json/value.js';
import type { Action } from '../../case/case.js';
import { openAction } from '../draw/actions.js';
import { ModelRun } from '../draw/model-run.js';
import { changesExportedBitmap, namesHalfOpen } from './graph.js';

type Members = Parameters<typeof jsonObject>[0];

function qmp(command: string, args: Members): Action {
  return { verb: 'qmp', command, arguments: jsonObject(args) };
}

function add(options: Members): Action {
  return qmp('blockdev-add', options);
}

t.test('what is made for an image or a target, and names the node above, is known', async (t) => {
  const run = new ModelRun('raw');
  const within = (file: string, name?: string): JsonObject =>
    jsonObject({ driver: 'raw', file, ...(name === undefined ? {} : { 'node-name': name }) });
  const faulty = { driver: 'blkdebug', 'node-name': 'x' };
  t.equal(namesHalfOpen(run, add({ ...faulty, image: within('x') })), true);
  t.equal(namesHalfOpen(run, add({ ...faulty, image: within('y') })), false);
  t.equal(namesHalfOpen(run, add({ ...faulty, image: 'x' })), false, 'that is refused');
  t.equal(namesHalfOpen(run, add({ driver: 'raw', 'node-name': 'x', file: within('x') })), false);
  const own = add({ ...faulty, image: within('y', 'y') });
  t.equal(namesHalfOpen(run, own), false, 'it has no name yet where it opens its own file');
});

t.test('an exported bitmap is known to go also with the node above the one that has it', async (t) => {
  const run = new ModelRun('raw');
  const inner = jsonObject({ driver: 'raw', 'node-name': 'inner', file: 'disk' });
  for (const action of [
    openAction('disk', 65536),
    add({ driver: 'raw', 'node-name': 'outer', file: inner }),
    qmp('block-dirty-bitmap-add', { node: 'inner', name: 'b0' }),
    qmp('nbd-server-start', {
      addr: jsonObject({ type: 'unix', data: jsonObject({ path: '$socket' }) }),
    }),
    qmp('block-export-add', {
      type: 'nbd',
      id: 'e0',
      'node-name': 'disk',
      bitmaps: [jsonObject({ node: 'inner', name: 'b0' })],
    }),
  ])
    t.equal(run.play(action).ok, true);
  t.equal(changesExportedBitmap(run, qmp('blockdev-del', { 'node-name': 'outer' })), true);
  t.equal(changesExportedBitmap(run, qmp('blockdev-del', { 'node-name': 'disk' })), false);
});
