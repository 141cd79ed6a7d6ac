import { appendFileSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { historyText, parseHistory } from '../../history-text.js';
import { hash } from '../plan.js';
import { Corpus } from './corpus.js';

/** A history of `toy` with a name of its own. */
const text = (name: string, property = 'toy'): string =>
  historyText(parseHistory(`property: ${property}\nformat: raw\nsteps:\n  - observe: ${name}\n`, 'test'));
const idOf = (content: string): string => hash(content).slice(0, 16);

function write(worker: string, content: string, seconds: number, name = idOf(content)): string {
  mkdirSync(join(worker, 'corpus'), { recursive: true });
  const path = join(worker, 'corpus', `${name}.yaml`);
  writeFileSync(path, content);
  utimesSync(path, seconds, seconds);
  return path;
}

function idsOf(corpus: Corpus, property = 'toy'): string[] {
  const ids = Array.from({ length: 12 }, (_, number) => corpus.pick(property, number)?.id);
  return [...new Set(ids.filter((id) => id !== undefined))].sort();
}

t.test('the newest histories of all workers of a campaign, and what is kept later', (t) => {
  const dir = t.testdir();
  const worker = (name: string): string => join(dir, 'workers', name);
  const [one, two, three, four] = ['a', 'b', 'c', 'd'].map((name) => text(name));
  write(worker('c1-1of1-aa'), one!, 1);
  write(worker('c1-1of1-bb'), two!, 4);
  write(worker('c1-1of1-aa'), two!, 2);
  write(worker('c1-2of2-aa'), three!, 3);
  write(worker('c2-1of1-aa'), four!, 9);
  write(worker('c1-1of1-aa'), 'half', 9, '.0123456789abcdef.yaml.1.tmp');
  const warnings: string[] = [];
  const corpus = new Corpus((line) => warnings.push(line));
  corpus.read(dir, 'c1', 2);
  t.same(idsOf(corpus), [two!, three!].map(idOf).sort());
  t.equal(corpus.pick('other', 3), null);
  const { id } = corpus.keep(parseHistory(four!, 'test'));
  t.equal(id, idOf(four!));
  t.same(idsOf(corpus), [two!, three!, four!].map(idOf).sort());
  t.equal(historyText(corpus.pick('toy', 0)!.history), three!, 'as it was written, the oldest first');
  t.same(warnings, []);
  t.end();
});

t.test('what is damaged is left out and told', (t) => {
  const dir = t.testdir();
  const worker = join(dir, 'workers', 'c1-1of1-aa');
  const good = text('a');
  write(worker, good, 1);
  const changed = write(worker, text('b'), 2);
  appendFileSync(changed, '# more\n');
  const bytes = write(worker, text('c'), 3);
  writeFileSync(bytes, Buffer.from([0xff, 0xfe]));
  const old = write(worker, 'property: toy\nsteps: 7\n', 4);
  const warnings: string[] = [];
  const corpus = new Corpus((line) => warnings.push(line));
  corpus.read(dir, 'c1');
  t.same(idsOf(corpus), [idOf(good)]);
  t.equal(warnings.length, 3);
  t.match(warnings[0], `${changed}: it does not hold the history of its name; this history of the corpus`);
  t.match(warnings[1], `${bytes}: is not UTF-8 text; `);
  t.match(warnings[2], `${old}:`);
  t.end();
});
