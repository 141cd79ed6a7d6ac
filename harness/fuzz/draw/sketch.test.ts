import t from 'tap';
import type { Trigger } from '../known/trigger.js';
import { openAction } from './actions.js';
import { drawFrom } from './draw.js';
import { Sketch } from './sketch.js';

const GROUPED: Trigger = {
  name: 'grouped',
  shownBy: 'transaction-grouped-aborted',
  programs: /./,
  refused: (_, action) => action.verb === 'qmp' && action.command === 'transaction',
};

/** Two backups that are not begun, as the third has no target. */
function verbs(known: readonly Trigger[]): string[] {
  return drawFrom(1, (draw) => {
    const sketch = new Sketch(draw, { format: 'raw', known, goals: [], capabilities: null });
    for (const name of ['disk', 'one', 'two']) sketch.play(openAction(name, 65536));
    const actions = ['one', 'two', 'nowhere'].map((target, index) => ({
      type: 'blockdev-backup',
      data: { device: 'disk', target, sync: 'full', 'job-id': `j${index}` },
    }));
    sketch.qmp('transaction', { actions, properties: { 'completion-mode': 'grouped' } });
    sketch.rest();
    return sketch.steps.map(({ action }) => action.verb);
  });
}

t.test('a step that is left out leaves nothing to wait for', async (t) => {
  const opens = ['open', 'open', 'open'];
  t.same(verbs([]), [...opens, 'qmp', 'wait', 'wait']);
  t.same(verbs([GROUPED]), opens);
});
