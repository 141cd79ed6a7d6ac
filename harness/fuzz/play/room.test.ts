import t from 'tap';
import { jsonObject } from '../../../spec/json/value.js';
import type { Step } from '../../case/case.js';
import { qmpAction } from '../draw/sketch.js';
import type { Outcome } from '../history.js';
import { roomIn, unlessFull } from './room.js';

const KIB = 1024;
const MIB = 1024 * KIB;

const differs = (expected: string, observed: string): Outcome => ({
  kind: 'differs',
  step: 0,
  expected: [expected],
  observed: [observed],
  oracle: 'model',
});
const crash = (stderr: string): Outcome => ({ kind: 'crash', step: 0, message: 'killed by SIGBUS', stderr });

const LOOK: Step = { line: 0, action: { verb: 'observe', node: 'disk' } };
/** A node that has no space left whenever it is written. */
const FAULT: Step = {
  line: 0,
  action: qmpAction('blockdev-add', {
    driver: 'blkdebug',
    'inject-error': [jsonObject({ event: 'write_aio', errno: 28 })],
  }),
};
const TOOL: Step = {
  line: 0,
  action: { verb: 'img', words: ['convert', 'json:{"inject-error": [{"event": "none", "errno": 28}]}', 'b'] },
};

/** What it is with so much room; `steps` is what the history does. */
function kindOf(outcome: Outcome, room: number | null, ...steps: Step[]): Outcome['kind'] {
  const found = unlessFull(outcome, steps, { directory: '/scratch', room });
  if (found.kind === 'surroundings')
    t.match(found.message, /no space is left .*: \/scratch has \d+ bytes left/);
  else t.equal(found, outcome);
  return found.kind;
}

t.test('where there is no room nothing that went wrong is a finding', (t) => {
  for (const bad of [differs('   ok', '   error EIO'), crash('')]) {
    t.equal(kindOf(bad, 100 * KIB, LOOK), 'surroundings');
    t.equal(kindOf(bad, 0, FAULT), 'surroundings');
    t.equal(kindOf(bad, 2 * MIB, LOOK), bad.kind);
    t.equal(kindOf(bad, null, LOOK), bad.kind, 'it cannot be told');
  }
  t.equal(kindOf({ kind: 'same' }, 0, LOOK), 'same');
  t.equal(kindOf({ kind: 'unplayable', step: 0, message: 'x' }, 0, LOOK), 'unplayable');
  t.end();
});

t.test('what was too long for what is left is none either, if it says so and nobody asked for that', (t) => {
  const refused = differs('   ok', '   error ENOSPC');
  const words = differs('   ok', '<- error REF-E-STORAGE GenericError: Cannot grow: No space left on device');
  for (const bad of [refused, words, crash('qemu: write failed: No space left on device')]) {
    t.equal(kindOf(bad, 8 * MIB, LOOK), 'surroundings');
    t.equal(kindOf(bad, 100 * MIB, LOOK), bad.kind, 'there was room for everything');
    t.equal(kindOf(bad, 8 * MIB, LOOK, FAULT), bad.kind, 'a fault of the history');
    t.equal(kindOf(bad, 8 * MIB, TOOL), bad.kind, 'a fault in the words of a tool');
  }
  t.equal(kindOf(differs('   error ENOSPC', '   ok'), 8 * MIB, LOOK), 'differs');
  t.equal(kindOf(differs('   error ENOSPC at 0', '   error ENOSPC at 512'), 8 * MIB, LOOK), 'differs');
  t.end();
});

t.test('room is what a file system says, where it has any', (t) => {
  t.ok(roomIn(t.testdir())! > 0);
  t.equal(roomIn('/nowhere'), null);
  t.equal(roomIn('/proc'), null, 'nothing is stored there');
  t.equal(roomIn(null), null);
  t.end();
});
