import t from 'tap';
import { type JsonObject, jsonObject } from '../../../spec/json/value.js';
import type { Action } from '../../case/case.js';
import { openAction } from '../draw/actions.js';
import { ModelRun } from '../draw/model-run.js';
import { discardsPart, readsAroundFaults, stacksLimits } from './blocks.js';

function add(options: Parameters<typeof jsonObject>[0]): Action {
  return { verb: 'qmp', command: 'blockdev-add', arguments: jsonObject(options) };
}

function opened(...more: readonly Action[]): ModelRun {
  const run = new ModelRun('raw');
  for (const action of [openAction('disk', 65536), ...more]) t.strictSame(run.play(action).ok, true);
  return run;
}

const BLOCKS = { driver: 'blkdebug', 'node-name': 'blocks', image: 'disk', align: 512, discard: 'unmap' };

function discard(node: string, offset: number, length: number): Action {
  return { verb: 'io', node, request: { op: 'discard', offset, length } };
}

t.test('a discard is known by the part of a block that it has', async (t) => {
  const top = add({ driver: 'raw', 'node-name': 'top', file: 'blocks', offset: 512, discard: 'unmap' });
  const run = opened(add(BLOCKS), top);
  t.equal(discardsPart(run, discard('blocks', 512, 1024)), false);
  t.equal(discardsPart(run, discard('blocks', 512, 1000)), true);
  t.equal(discardsPart(run, discard('top', 0, 1000)), true);
  t.equal(discardsPart(run, discard('disk', 0, 1000)), false);
  t.equal(discardsPart(opened(add({ ...BLOCKS, discard: 'ignore' })), discard('blocks', 1, 1)), false);
});

t.test('parts of blocks within what discards are cut at anyway are none', async (t) => {
  const run = opened(add({ ...BLOCKS, 'opt-discard': 4096 }));
  t.equal(discardsPart(run, discard('blocks', 100, 12000)), false);
  t.equal(discardsPart(run, discard('blocks', 100, 2000)), true);
});

t.test('limits of a node are held against those of the node below', async (t) => {
  const run = opened(add({ driver: 'blkdebug', 'node-name': 'pieces', image: 'disk', 'max-transfer': 512 }));
  const over = (limits: JsonObject): Action =>
    add({ driver: 'blkdebug', 'node-name': 'over', image: 'pieces', ...limits });
  t.equal(stacksLimits(run, over(jsonObject({ align: 4096 }))), true);
  t.equal(stacksLimits(run, over(jsonObject({ align: 512 }))), false);
  t.equal(stacksLimits(run, over(jsonObject({ align: 4096, 'max-transfer': 4096 }))), false);
});

t.test(
  'faults of reads are looked for at the node and below, also where that is defined within it',
  async (t) => {
    const rule = (iotype: string): JsonObject[] => [jsonObject({ event: 'none', iotype })];
    const run = opened(
      add({ driver: 'blkdebug', 'node-name': 'faulty', image: 'disk', 'inject-error': rule('read') }),
      add({ driver: 'blkdebug', 'node-name': 'writes', image: 'disk', 'inject-error': rule('write') }),
    );
    t.equal(readsAroundFaults(run, add({ ...BLOCKS, image: 'faulty' })), true);
    t.equal(readsAroundFaults(run, add({ ...BLOCKS, image: 'writes' })), false);
    t.equal(readsAroundFaults(run, add({ ...BLOCKS, 'inject-error': rule('read') })), true);
    const within = jsonObject({ driver: 'raw', file: 'faulty' });
    t.equal(readsAroundFaults(run, add({ ...BLOCKS, image: within })), true);
    t.equal(readsAroundFaults(run, add({ driver: 'raw', 'node-name': 'top', file: within })), false);
  },
);
