/** What the specification declares is drawn, or there is a reason why not. */
import t from 'tap';
import { createReferenceTarget } from '../../target/reference/reference.js';
import type { Identity } from '../../target/target.js';
import { WORLD } from '../world.js';
import { declaredArguments, outermost, parentsOf } from './arguments.js';
import { reachArguments } from './reach-arguments.js';
import { UNREACHED } from './unreached.js';

// On machines with other things to do.
t.setTimeout(300_000);

/** What the reference has and QEMU has not. */
const OWN = /^(bytes|format|repair|close|target-id|driver:qbm|command:block-dirty-bitmap-set-persistent)$/;

/** What either of QEMU's programs can do, without asking one. */
async function qemu(): Promise<Identity> {
  const target = createReferenceTarget();
  const identity = await target.identify();
  await target.close();
  const capabilities = [...identity.capabilities].filter((one) => !OWN.test(one));
  const program = 'qemu-system-x86_64 7.2.22';
  return { ...identity, program, capabilities: new Set([...capabilities, 'io']) };
}

t.test('every argument of a command is drawn, or listed with a reason in reach/unreached.ts', async (t) => {
  const { missing, stale } = reachArguments(WORLD.properties, await qemu(), UNREACHED);
  t.same(missing, [], 'no property draws these: let a move draw them, more often if one does, or list them');
  t.same(stale, [], 'these are listed, but drawn, or not declared: take them off the list');
  t.ok(UNREACHED.every(({ why, what }) => why.length > 20 && what.length > 0));
});

t.test('what is not drawn, and what is listed though it is drawn, is told', async (t) => {
  const [bitmap] = WORLD.properties.filter(({ name }) => name === 'bitmap');
  const listed = [
    { what: ['nbd-server-*', 'block-dirty-bitmap-add.granularity', 'nothing'], why: 'of a test' },
  ];
  const { missing, stale } = reachArguments([bitmap!], await qemu(), listed);
  t.ok(missing.includes('block-export-add'));
  t.notOk(missing.some((path) => path.startsWith('nbd-server-') || path.startsWith('block-export-add.')));
  t.same(stale, ['block-dirty-bitmap-add.granularity', 'nothing']);
});

t.test('arguments are paths', (t) => {
  const declared = declaredArguments();
  for (const path of [
    'blockdev-add.discard=unmap',
    'transaction.actions[].type=abort',
    'blockdev-add<raw>.offset',
  ])
    t.ok(declared.has(path), path);
  t.same(parentsOf('a<b>.c=d'), ['a<b>.c', 'a<b>', 'a']);
  t.same(outermost(['a', 'a.b', 'a.b=c', 'd[].e']), ['a', 'd[].e']);
  t.end();
});
