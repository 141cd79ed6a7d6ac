import t from 'tap';
import type { Action } from '../../case/case.js';
import { imgAction, openAction } from '../draw/actions.js';
import { ModelRun } from '../draw/model-run.js';
import { qmpAction } from '../draw/sketch.js';
import { growsOverWhatWasBelow } from './growth.js';

/** Which of the steps the trigger stops at, when it is told of all of them. */
function stops(...actions: readonly Action[]): boolean[] {
  const run = new ModelRun('overlay');
  return actions.map((action) => {
    const found = growsOverWhatWasBelow(run, action);
    run.play(action);
    run.settle();
    return found;
  });
}

const resize = (node: string, size: number): Action => qmpAction('block_resize', { 'node-name': node, size });

t.test('an image grows that a stream has taken off a longer one', async (t) => {
  const history = (size: number, stream: Action) => {
    const opened = [
      openAction('below', 131072, { backing: null }),
      openAction('disk', size, { backing: 'below' }),
    ];
    return stops(...opened, stream, resize('disk', size - 512), resize('disk', 262144)).at(-1);
  };
  const stream = qmpAction('block-stream', { 'job-id': 'j', device: 'disk' });
  t.equal(history(4096, stream), true);
  t.equal(history(131072, stream), false, 'it was as long');
  t.equal(history(4096, qmpAction('query-jobs')), false, 'the longer one is still there');
});

t.test('the same by tools', async (t) => {
  const make = (size: number) => [
    imgAction('create', '-q', '-f', '{format}', 'img0', '131072'),
    imgAction('create', '-q', '-f', '{format}', '-b', 'img0', '-F', '{format}', 'img1', String(size)),
  ];
  const grow = imgAction('resize', '-q', '-f', '{format}', 'img1', '262144');
  const rebase = imgAction('rebase', '-q', '-b', '', '-f', '{format}', 'img1');
  t.equal(stops(...make(4096), rebase, grow).at(-1), true);
  t.equal(stops(...make(65536), rebase, grow).at(-1), false, 'it ended with a cluster');
  t.equal(stops(...make(4096), grow).at(-1), false, 'the longer one is still there');
});
