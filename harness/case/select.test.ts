import t from 'tap';
import { parseCase } from './load/load.js';
import { SelectorError, select } from './select.js';

const make = (area: string, slug: string, rule: string, models = '[]') =>
  parseCase(`id: ${slug}\ntitle: t\nrules: [${rule}]\nmodels: ${models}\nsteps: [{log: x}]\n`, {
    file: slug,
    area,
    slug,
  });

const cases = [
  make('bitmap', 'merge-one', 'BMP-001', '[iotests 236]'),
  make('bitmap', 'merge-two', 'BMP-002'),
  make('transaction', 'abort', 'TXN-001', '[iotests 23]'),
];

t.test('selectors', (t) => {
  const ids = (...selectors: string[]): string[] => select(cases, selectors).map((found) => found.id);
  t.same(ids(), ['merge-one', 'merge-two', 'abort']);
  t.same(ids('abort'), ['abort']);
  t.same(ids('abort', 'merge-one', 'abort'), ['merge-one', 'abort'], 'in the order of the suite, once');
  t.same(ids('bitmap'), ['merge-one', 'merge-two']);
  t.same(ids('bitmap/merge-two'), ['merge-two']);
  t.same(ids('merge-*'), ['merge-one', 'merge-two']);
  t.same(ids('merge-t?o'), ['merge-two']);
  t.same(ids('merge-[no]*'), ['merge-one']);
  t.same(ids('*/abort'), ['abort']);
  t.same(ids('rule:BMP-002'), ['merge-two']);
  t.same(ids('iotests:236'), ['merge-one'], 'not 23');
  t.throws(() => select(cases, ['merge-oen']), /no case matches "merge-oen", did you mean "merge-one"\?/);
  t.throws(() => select(cases, ['merge.*']), SelectorError);
  t.throws(() => select(cases, ['rule:BMP-009']), SelectorError);
  t.throws(() => select([], ['x']), SelectorError);
  t.end();
});
