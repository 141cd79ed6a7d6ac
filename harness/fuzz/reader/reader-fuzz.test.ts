/**
 * Changed descriptors and bitmap files: the reference neither crashes nor hangs, takes bounded work and memory, opens what
 * checks and nothing else, by its reader and by its block driver; and the Python adapter says the same as far as a rule
 * decides. How many samples is `QBM_READER_FUZZ` (default 12000), from which seed `QBM_READER_SEED`; every how many-th
 * sample is read by the adapter, too, `QBM_READER_OTHER` (default 4). A million, after a build:
 *
 *     QBM_READER_FUZZ=1000000 node dist/harness/fuzz/reader/reader-fuzz.test.js
 *
 * Each finding says its index; `QBM_READER_FROM` begins there.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { packageRoot } from '../../cli/environment.js';
import type { Result } from './campaign.js';
import { runInThread } from './thread.js';

const WANTED = Number(process.env.QBM_READER_FUZZ ?? 12_000);
const SEED = Number(process.env.QBM_READER_SEED ?? 2016);
const FROM = Number(process.env.QBM_READER_FROM ?? 0);
const OTHER_EVERY = Number(process.env.QBM_READER_OTHER ?? 4);
const EXAMPLE = join(packageRoot(), 'harness/target/adapter/example');
const adapterIn = (directory: string): string => `python3 '${join(directory, 'qbm_adapter.py')}'`;

/** Milliseconds, a hundred times what a sample takes. */
t.setTimeout(300_000 + WANTED * 100);

/** What a campaign has to have met to mean something. */
const MET = [
  'opens',
  'JSON',
  'ENCODING',
  'NOT-QBM',
  'VERSION',
  'MISSING',
  'TYPE',
  'KEY',
  'EXT-HARD',
  'EXTENSION',
]
  .concat([
    'FORMAT',
    'FILE',
    'TRUST',
    'FILE-TWICE',
    'NAME',
    'BITMAP-TYPE',
    'GRANULARITY',
    'ALLOCATION',
    'BACKING',
  ])
  .concat(['NO-FILE', 'NOT-REGULAR', 'BITMAP-SIZE', 'TAIL', 'BITS', 'TOO-LONG', 'LOOP']);

const shown = ({ found }: Result): string =>
  found.map(({ index, kind, text, steps }) => `sample ${index}: ${kind}: ${text}\n${steps}`).join('\n\n');

t.test('QBM-042: all readers say the same of whatever is read', async (t) => {
  let told = 0;
  const begun = performance.now();
  const result = await runInThread({
    seed: SEED,
    from: FROM,
    to: FROM + WANTED,
    thoroughEvery: 4,
    adapter: adapterIn(EXAMPLE),
    otherEvery: OTHER_EVERY,
    progress: (index) => {
      if (index - told < 50_000) return;
      told = index;
      t.comment(`sample ${index}`);
    },
  });
  const { samples, compared, explained, skipped, outcomes, most, memory } = result;
  const rate = Math.round((samples / (performance.now() - begun)) * 1000);
  t.comment(
    `${samples} samples, ${rate} a second, ${compared} by the adapter (${explained} with two faults), ${skipped} too large`,
  );
  t.comment(
    `most of one: ${most.opens} openings, ${most.bytes} bytes; ${memory} MiB of memory; ${JSON.stringify(outcomes)}`,
  );
  t.equal(shown(result), '', `seed ${SEED}`);
  t.ok(samples > skipped * 20, 'few samples are of no use');
  if (WANTED < 10_000) return;
  const ids = MET.map((name) => (name === 'opens' ? name : `QBM-E-${name}`));
  t.same(
    ids.filter((id) => !(id in outcomes)),
    [],
    'every kind of fault was met',
  );
  t.ok(outcomes.opens! > samples / 12, 'and images that open');
});

/** Mistakes that another implementation may have, by a text of the example that is replaced. */
const PLANTED: readonly (readonly [what: string, from: string, to: string])[] = [
  [
    'one level more',
    'MAX_DEPTH, MAX_BITMAPS, MAX_LEVELS = 1048576, 32',
    'MAX_DEPTH, MAX_BITMAPS, MAX_LEVELS = 1048576, 33',
  ],
  ['the tail is not looked at', 'if excess and not descriptor.in_use:', 'if False:'],
  ['a part ".." of a name', 'part in ("", ".", "..")', 'part in ("", ".")'],
  ['the last granule as a whole', 'min(end * self.granularity, size)', 'end * self.granularity'],
];

t.test('a planted mistake is found', async (t) => {
  for (const [what, from, to] of PLANTED) {
    const directory = mkdtempSync(join(tmpdir(), 'qbm-reader-'));
    t.teardown(() => rmSync(directory, { recursive: true, force: true }));
    cpSync(EXAMPLE, directory, { recursive: true });
    const file = join(directory, 'qbm_format.py');
    const source = readFileSync(file, 'utf8');
    t.ok(source.includes(from), `the example has ${from}`);
    writeFileSync(file, source.replace(from, to));
    const limits = { thoroughEvery: 1_000_000, otherEvery: 1, most: 1 };
    const range = { seed: 2016, from: 0, to: 20_000 };
    const { found, samples } = await runInThread({ ...range, ...limits, adapter: adapterIn(directory) });
    t.ok(found.length > 0, `${what}: sample ${samples}`);
    const size = found[0]?.steps.length ?? 0;
    t.ok(size < 1500, `it is made small: ${size} characters`);
  }
});
