import t from 'tap';
import type { History, Outcome } from '../history.js';
import { parseHistory } from '../history-text.js';
import { crashCause } from './crash.js';
import { normal, RULES } from './normal.js';
import { isAlike, signatureOf } from './signature.js';
import { Trigger } from './trigger.js';

function history(...steps: string[]): History {
  const head = ['property: bitmap', 'format: raw', 'requires: []', 'steps:'];
  return parseHistory([...head, ...steps.map((step) => `  - ${step}`), ''].join('\n'), 'test');
}

const DISK = history(
  'open: {node: disk, size: 1M}',
  'qmp: {block-dirty-bitmap-add: {node: disk, name: b0}}',
  'observe: disk',
);
const OTHER = history(
  'open: {node: node-7, size: 8M}',
  'observe: node-7',
  'qmp: {block-dirty-bitmap-add: {node: node-7, name: monday}}',
  'observe: node-7',
);

function differs(step: number, expected: string[], observed: string[]): Outcome & { kind: 'differs' } {
  return { kind: 'differs', step, expected, observed, oracle: 'model' };
}

t.test('each rule does what its example says, and the rules leave their results alone', (t) => {
  for (const { name, pattern, by, example } of RULES) {
    t.equal(example[0].replace(pattern, by), example[1], name);
    t.equal(normal(normal(example[0])), normal(example[0]), `${name}: nothing is left to do`);
  }
  t.equal(new Set(RULES.map(({ name }) => name)).size, RULES.length);
  t.end();
});

t.test('one signature whatever things are called and how large they are', (t) => {
  const one = signatureOf(
    DISK,
    differs(
      2,
      ['   size 1048576', '   b0: granularity 65536, count 0, recording'],
      ['   size 1048576', '   b0: granularity 65536, count 0'],
    ),
  );
  const other = signatureOf(
    OTHER,
    differs(
      3,
      ['   size 8388608', '   monday: granularity 4096, count 8192, recording'],
      ['   size 8388608', '   monday: granularity 4096, count 8192'],
    ),
  );
  t.same(one, other);
  t.match(one, {
    kind: 'differs',
    where: 'observe',
    what: 'BITMAP: granularity N, count N, recording => BITMAP: granularity N, count N',
  });
  t.match(one.id, /^[0-9a-f]{12}$/);
  t.end();
});

t.test('numbers alone: which way they differ', (t) => {
  const what = (from: string, to: string): string => signatureOf(DISK, differs(2, [from], [to])).what;
  t.equal(what('   b0: count 131072', '   b0: count 65536'), 'BITMAP: count N: less');
  t.equal(what('   b0: count 0', '   b0: count 65536'), 'BITMAP: count N: more');
  t.equal(what('  dirty 0+65536 131072+65536', '  dirty 0+65536'), 'dirty AREAS: too little');
  t.equal(what('  dirty 0+65536', '  dirty 0+131072'), 'dirty AREAS: too much');
  t.equal(what('  dirty 0+65536', '  dirty 65536+65536'), 'dirty AREAS: elsewhere');
  t.equal(what(`  sha256 ${'0'.repeat(64)}`, `  sha256 ${'1'.repeat(64)}`), 'sha256 HASH: otherwise');
  t.end();
});

t.test('something is missing, something is too much, and long answers', (t) => {
  t.equal(
    signatureOf(DISK, differs(2, ['   size 1'], ['   size 1', '   b0: x'])).what,
    '(nothing) => BITMAP: x',
  );
  t.equal(signatureOf(DISK, differs(2, ['<- {"return": {}}'], [])).what, '<- {"return": {}} => (nothing)');
  const long = (state: string): string =>
    `<- {"return": [${'{"node-name": "disk", "ro": false}, '.repeat(20)}{"state": "${state}", "end": 1}]}`;
  const { what } = signatureOf(DISK, differs(1, [long('null')], [long('ready')]));
  t.match(what, /"state": "null",.* => .*"state": "ready"/);
  t.ok(what.length < 300, what);
  t.end();
});

t.test('names of members stay', (t) => {
  const device = history('open: {node: device, size: 1M}', 'observe: device');
  const { what } = signatureOf(device, differs(1, ['{"device": "device"}'], ['{}']));
  t.equal(what, '{"device": "NODE"} => {}');
  t.end();
});

t.test('what a program that died says', (t) => {
  const assertion =
    "qemu-storage-daemon: ../block/io.c:1953: bdrv_co_write_req_prepare: Assertion `end_sector <= bs->total_sectors' failed.";
  t.equal(
    crashCause('killed by SIGABRT', assertion),
    'assertion end_sector <= bs->total_sectors in bdrv_co_write_req_prepare',
  );
  t.equal(
    crashCause('q was killed by SIGABRT', 'qemu: qemu_mutex_destroy: Device or resource busy\n'),
    'qemu_mutex_destroy: Device or resource busy',
  );
  t.equal(
    crashCause('', '**\nERROR:../block/nbd.c:12:nbd_go: assertion failed: (size == 512)'),
    'assertion failed: (size == N) in nbd_go',
  );
  t.equal(
    crashCause(
      'x was killed by SIGABRT',
      "Unexpected error in find() at ../a.c:3:\nqsd: Cannot find device='' nor 'b7'",
    ),
    'unexpected error in find: Cannot find device=X nor X',
  );
  t.equal(crashCause('qemu was killed by SIGSEGV', ''), 'SIGSEGV');
  t.equal(crashCause('qemu ended with code 3', 'a warning'), 'exit code 3');
  t.equal(
    crashCause(
      'ended with code 1',
      '==7==ERROR: AddressSanitizer: heap-use-after-free on address 0x60\n    #0 0x55 in bdrv_unref ../block.c:7\n    #1 0x56 in blk_remove ../b.c:1\n    #2 0x1 in a b.c:2\n    #3 0x1 in z b.c:2',
    ),
    'AddressSanitizer heap-use-after-free in bdrv_unref < blk_remove < a',
  );
  t.equal(
    crashCause(
      'ended with code 1',
      "TypeError: Cannot read 'x' of 7\n    at Node.find (file:///a.js:1:2)\n    at b (x)",
    ),
    'TypeError: Cannot read X of N in Node.find < b',
  );
  t.equal(crashCause('gone', ''), 'ended');
  t.end();
});

t.test('crashes and hangs are the same wherever the reducer finds them, and another one is not', (t) => {
  const crash = (step: number, stderr: string): Outcome & { kind: 'crash' } => ({
    kind: 'crash',
    step,
    message: 'x was killed by SIGABRT',
    stderr,
  });
  const one = signatureOf(DISK, crash(1, "q: a.c:1: f: Assertion `x' failed."));
  const same = signatureOf(DISK, crash(2, "q: a.c:99: f: Assertion `x' failed."));
  t.not(one.id, same.id, 'what was being done is a part of it');
  t.ok(isAlike(one, same));
  t.notOk(isAlike(one, signatureOf(DISK, crash(1, "q: a.c:1: g: Assertion `y' failed."))));
  const hang = signatureOf(DISK, { kind: 'hang', step: 9, message: 'no answer within 10 s', stderr: '' });
  t.match(hang, { kind: 'hang', where: 'end', what: 'no answer in time' });
  t.end();
});

t.test('a trigger is found whatever things are called, among other steps, and in a transaction', (t) => {
  const trigger = new Trigger(
    history(
      'open: {node: disk, size: 0}',
      'qmp: {block-dirty-bitmap-add: {node: disk, name: b0}}',
      'qmp: {block-dirty-bitmap-merge: {node: disk, target: b0, bitmaps: []}}',
    ).steps,
  );
  const steps = (bitmaps: string, target = 'x'): History['steps'] =>
    history(
      'open: {node: a, size: 1M}',
      'open: {node: b, size: 1M, readOnly: true}',
      'qmp: {block-dirty-bitmap-add: {node: b, name: x, granularity: 512}}',
      'observe: a',
      `qmp: {block-dirty-bitmap-merge: {node: b, target: ${target}, bitmaps: ${bitmaps}}}`,
    ).steps;
  t.equal(trigger.in(steps('[]')), 4);
  t.equal(trigger.in(steps('[x]')), null, 'an empty list is an empty list');
  t.equal(trigger.in(steps('[]', 'y')), null, 'one name is one thing');
  t.equal(trigger.in(steps('[]').slice(0, 4)), null);

  const actions = new Trigger(
    history(
      'qmp: {transaction: {actions: [{type: block-dirty-bitmap-enable, data: {node: d, name: b}}, {type: abort, data: {}}]}}',
    ).steps,
  );
  const among = history(
    'qmp: {transaction: {actions: [{type: block-dirty-bitmap-clear, data: {node: z, name: q}}, {type: block-dirty-bitmap-enable, data: {node: z, name: q}}, {type: block-dirty-bitmap-clear, data: {node: z, name: q}}, {type: abort, data: {}}]}}',
  );
  t.equal(actions.in(among.steps), 0);
  const reversed = history(
    'qmp: {transaction: {actions: [{type: abort, data: {}}, {type: block-dirty-bitmap-enable, data: {node: z, name: q}}]}}',
  );
  t.equal(actions.in(reversed.steps), null);
  t.equal(new Trigger([]).in(among.steps), null);
  t.end();
});

t.test('a trigger that could be met in very many ways ends, too', (t) => {
  const many = (count: number): History['steps'] =>
    history(...Array.from({ length: count }, () => 'observe: n')).steps;
  const trigger = new Trigger([...many(30), ...history('graph: {}').steps]);
  t.equal(trigger.in(many(400)), null);
  t.end();
});
