import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { sideBySide } from '../finding/side-by-side.js';
import type { History } from '../history.js';
import { historyText, parseHistory } from '../history-text.js';
import { WORLD } from './fake-world.js';
import { readRounds, WorkerDirectory } from './files.js';
import { mutated } from './mutate.js';
import { campaignId, numbersFrom, workOf } from './plan.js';
import { isSayable, makesSense } from './sense.js';

const PLAN = { target: 'qsd', properties: ['bitmap', 'jobs'], seed: 7 };

t.test('what is done in a round follows from campaign, shard and round', (t) => {
  const work = (shard: number, round: number): unknown => workOf(PLAN, { index: shard, of: 4 }, round);
  t.same(work(1, 5), work(1, 5));
  t.notSame(work(1, 5), work(2, 5));
  t.notSame(work(1, 5), work(1, 6));
  t.not(campaignId(PLAN), campaignId({ ...PLAN, seed: 8 }));
  const works = Array.from({ length: 2000 }, (_, round) => workOf(PLAN, { index: 1, of: 1 }, round));
  const share = (of: (work: (typeof works)[number]) => boolean): number => works.filter(of).length / 2000;
  t.equal(
    share(({ property }) => property === 'jobs'),
    0.5,
  );
  t.ok(Math.abs(share(({ isSteered }) => isSteered) - 7 / 8) < 0.05);
  t.ok(Math.abs(share(({ isMutation }) => isMutation) - 1 / 3) < 0.05);
  t.equal(new Set(works.map(({ seed }) => seed)).size, 2000);
  t.end();
});

t.test('mutations: the same for the same seed, never endless, most of them something else', (t) => {
  const [toy] = WORLD.properties;
  const target = { program: '', version: '', capabilities: new Set<string>(), formats: new Set<string>() };
  let others = 0;
  for (let seed = 0; seed < 300; seed++) {
    const [one, two] = [toy!.draw(seed, target)!, toy!.draw(seed + 1000, target)!];
    const mutation = mutated(one, two, seed);
    t.same(historyText(mutated(one, two, seed)), historyText(mutation));
    t.ok(mutation.steps.length <= 200);
    if (historyText(mutation) !== historyText(one)) others++;
  }
  t.ok(others > 250, String(others));
  const below = numbersFrom(1);
  t.ok(Array.from({ length: 1000 }, () => below(7)).every((number) => number >= 0 && number < 7));
  t.end();
});

function history(format: string, ...steps: string[]): History {
  const lines = ['property: x', `format: ${format}`, 'steps:', ...steps.map((step) => `  - ${step}`)];
  return parseHistory(`${lines.join('\n')}\n`, 'test');
}

t.test('what makes sense', (t) => {
  const open = 'open: {node: d, size: 1M}';
  const discard = 'io: {node: d, discard: [512, 512]}';
  const read = 'io: {node: d, read: [0, 1K], pattern: 0}';
  t.ok(makesSense(history('raw', open, discard, read)));
  t.notOk(makesSense(history('overlay', open, discard, read)), 'the format chooses what is there');
  t.notOk(makesSense(history('overlay', open, discard, 'io: {node: other, read: [512, 1]}')));
  t.ok(makesSense(history('overlay', open, discard, 'io: {node: d, zero: [512, 512]}', read)));
  const [top, whole] = ['open: {node: top, size: 64K, backing: d}', 'io: {node: top, discard: [0, 64K]}'];
  t.notOk(makesSense(history('overlay', open, top, whole, 'io: {node: top, read: [0, 512]}')));
  t.ok(makesSense(history('overlay', open, whole.replace('top', 'd'), read)), 'nothing is below it');
  t.notOk(makesSense(history('overlay', open, discard, 'io: {node: d, zero: [512, 256]}', read)));
  t.ok(
    makesSense(
      history('overlay', open, 'io: {node: d, discard: [64K, 64K]}', 'io: {node: d, read: [0, 1M]}'),
    ),
  );
  t.notOk(makesSense(history('overlay', 'open: {node: d, size: 1000}')));
  t.ok(makesSense(history('overlay', 'open: {node: d, size: 1000, driver: null-co}')));
  t.notOk(makesSense(history('raw', open, open)), 'the second image would take the place of the first');
  const write = 'io: {node: d, write: [0, 1], pattern: 1}';
  t.notOk(makesSense(history('overlay', open, write, 'kill: {}')));
  t.ok(makesSense(history('overlay', open, write, 'io: {node: d, flush: true}', 'kill: {}')));
  const filter = 'qmp: {blockdev-add: {driver: copy-before-write, node-name: f, file: d, target: e}}';
  t.notOk(makesSense(history('raw', open, filter, write)));
  const bitmap = 'qmp: {block-dirty-bitmap-add: {node: d-file, name: b0}}';
  t.ok(makesSense(history('raw', open, bitmap, 'observe: d-file')));
  t.notOk(makesSense(history('overlay', open, bitmap)), "the file of an image is its format's business");
  t.notOk(makesSense(history('overlay', open, 'observe: d-file')));
  const reopened = (file: string): string =>
    `qmp: {blockdev-reopen: {options: [{driver: "{format}", node-name: d, file: ${file}}]}}`;
  t.ok(makesSense(history('overlay', open, reopened('d-file'))));
  t.notOk(makesSense(history('overlay', open, 'open: {node: e, size: 1M}', reopened('e-file'))));
  const check = 'img: check -f {format} d.img';
  t.ok(makesSense(history('overlay', open, check)));
  t.notOk(makesSense(history('overlay', check, open)), 'there is no such image yet');
  const wrong = history('raw', 'io: {node: d, write: [0, 1], pattern: 1}');
  const [step] = wrong.steps;
  const action = {
    verb: 'io',
    node: 'd',
    request: { op: 'write', offset: 0, length: 1, pattern: 256 },
  } as const;
  t.ok(isSayable(wrong));
  t.notOk(isSayable({ ...wrong, steps: [{ ...step!, action }] }));
  t.notOk(makesSense({ ...wrong, steps: [{ ...step!, action }] }));
  t.end();
});

t.test('a line that was being written is no round; what follows it is', (t) => {
  const dir = t.testdir();
  const info = {
    campaign: 'c',
    shard: { index: 1, of: 1 },
    program: 'p',
    version: 'v',
    started: '',
    host: '',
    pid: 0,
  };
  const files = new WorkerDirectory(dir, info);
  const record = { property: 'toy', seed: 1, steps: 1, outcome: 'same', ms: 1 } as const;
  files.round({ round: 1, ...record });
  const log = join(files.path, 'rounds.jsonl');
  appendFileSync(log, '{"round":2,"prop');
  t.same(
    readRounds(log).map(({ round }) => round),
    [1],
  );
  const path = files.finding('abc', { 'found.json': '{}', 'history.yaml': 'x' });
  files.finding('abc', { 'found.json': 'other' });
  t.equal(readFileSync(join(path, 'found.json'), 'utf8'), '{}', 'what is there stays');
  files.close();
  t.end();
});

t.test('side by side', (t) => {
  const text = sideBySide(['a', 'b', 'c'], ['a', 'x', 'y', 'c'], ['expected', 'qsd']);
  const rows = text.split('\n').map((line) => line.replace(/ {2,}/g, '  '));
  t.same(rows, ['expected  qsd', '', 'a  a', 'b  | x', '  > y', 'c  c', '']);
  const long = sideBySide([`${'word '.repeat(40)}end`], [], ['a', 'b']);
  t.ok(long.split('\n').every((line) => line.length <= 160));
  t.match(long, /end/);
  t.end();
});
