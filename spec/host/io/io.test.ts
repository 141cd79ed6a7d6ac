/**
 * `qbm io` against a real qemu-io: the same command lines over the same files have to end with the same text, exit code and
 * content. Without qemu-io the tests that need it are skipped; with CI set they fail instead.
 */
import fc from 'fast-check';
import t from 'tap';
import { Bench, type Files, qemuIoVersion } from './io-for-tests.js';
import { LINES, RUNS, SIZES } from './io-table-for-tests.js';

const version = qemuIoVersion();
const skip = version?.startsWith('7.2.') ? false : `qemu-io 7.2 is not in PATH (found: ${version ?? 'none'})`;
if (skip && process.env.CI) {
  t.test('the real qemu-io is there', (t) => {
    t.fail(skip);
    t.end();
  });
}

const FILES: Files = { 'a.raw': 1048576, 'odd.raw': 1000, abc: 'abc', empty: '' };

/** `-c` before each. */
function commands(...lines: string[]): string[] {
  return lines.flatMap((line) => ['-c', line]);
}

t.test('the same commands say, do and answer the same', { skip }, (t) => {
  using bench = new Bench();
  for (const lines of RUNS) {
    const argv = ['-f', 'raw', ...commands(...lines), 'a.raw'];
    t.same(bench.ours(argv, FILES), bench.theirs(argv, FILES), lines.join('; '));
  }
  t.end();
});

t.test('sizes are read the same', { skip }, (t) => {
  using bench = new Bench();
  const files = { 'a.raw': 65536 };
  const lengths = SIZES.map((size) => `discard 0 ${size}`);
  const offsets = SIZES.map((size) => `alloc ${size}`);
  for (const lines of [lengths, offsets]) {
    const argv = ['-f', 'raw', ...commands(...lines), 'a.raw'];
    t.same(bench.ours(argv, files), bench.theirs(argv, files));
  }
  t.end();
});

t.test('options and names are taken the same', { skip }, (t) => {
  using bench = new Bench();
  for (const argv of LINES) t.same(bench.ours(argv, FILES), bench.theirs(argv, FILES), argv.join(' '));
  t.end();
});

t.test('standard input: a prompt before each line, and at the end', { skip }, (t) => {
  using bench = new Bench();
  const dialogues = [
    ['length', 'read 0 1', 'quit', 'length'],
    ['length', 'foo', 'read -P 9 0 1', 'length'],
    ['', '', 'foo', 'quit'],
    [],
    ['length\r', 'length\tx', 'len\0gth', '\0length', 'é x', 'help foo', 'read "0" 1'],
    ['aio_write -P 7 0 512', 'aio_flush', 'close', 'length', 'open -o driver=raw a.raw', 'read -P 7 0 512'],
  ];
  for (const input of dialogues) {
    const argv = ['-f', 'raw', 'a.raw'];
    t.same(bench.ours(argv, FILES, input), bench.theirs(argv, FILES, input), input.join('; '));
  }
  t.end();
});

/** Words that commands are made of, most of them in the wrong place. */
const WORDS = [
  ...[
    'read',
    'readv',
    'write',
    'writev',
    'aio_read -q',
    'aio_write -q',
    'discard',
    'alloc',
    'map',
    'length',
    'truncate',
    'info',
  ],
  ...['flush', 'close', 'aio_flush', 'r', 'w', 't', 'd', 'a', 'l'],
  ...[
    '-P',
    '-q',
    '-v',
    '-z',
    '-u',
    '-s',
    '-l',
    '-C',
    '-c',
    '-b',
    '-f',
    '-n',
    '-p',
    '-zP',
    '-qP1',
    '--',
    '-',
    '-x',
    '-1',
    '--quiet',
  ],
  ...[
    '0',
    '1',
    '3',
    '512',
    '1k',
    '0x200',
    '64k',
    '65535',
    '65536',
    '70000',
    '1M',
    '2G',
    '7E',
    '8E',
    '1.5k',
    '0.5',
    'x',
    '1x',
    '255',
  ],
];
const word = fc.constantFrom(...WORDS);
const request = fc
  .tuple(
    fc.constantFrom(
      'read',
      'read -v',
      'write',
      'write -z',
      'discard -q',
      'readv',
      'writev',
      'alloc',
      'write -P 1',
      'read -P 1',
    ),
    fc.nat(70000),
    fc.nat(3000),
  )
  .map(([command, offset, length]) => `${command} ${offset} ${length}`);
const line = fc.oneof(
  request,
  fc.array(word, { minLength: 1, maxLength: 6 }).map((words) => words.join(' ')),
  fc.string({ unit: fc.constantFrom(...'read -Pq0189xk.\t"é'), maxLength: 12 }),
);

/** Where QEMU 7.2.22 dies, or shows another word than the wrong one; and files too long to be compared. */
function isDeadly(text: string): boolean {
  const words = text.split(' ').filter((one) => one !== '');
  return /^(truncate|t)$/.test(words[0] ?? '') && (words.length > 2 || /^(2G|--)$/.test(words[1] ?? ''));
}

t.test('random lines, most of them wrong, say, do and answer the same', { skip }, (t) => {
  using bench = new Bench();
  const files = { 'a.raw': 65536 };
  fc.assert(
    fc.property(fc.array(line, { minLength: 1, maxLength: 12 }), (lines) => {
      fc.pre(!lines.some(isDeadly));
      // When an answer comes for which nobody waits is left open.
      const waited = lines.flatMap((text) => (/^ *aio_/.test(text) ? [text, 'aio_flush'] : [text]));
      const argv = ['-f', 'raw', ...commands(...waited), 'a.raw'];
      t.same(bench.ours(argv, files), bench.theirs(argv, files), lines.join('; '), { diagnostic: false });
      return t.passing();
    }),
    { numRuns: Number(process.env.QBM_IO_RUNS ?? 60), endOnFailure: true },
  );
  t.end();
});
