/** Mistakes that are found soon; `node dist/harness/fuzz/planted/main.js` looks for all of them. */
import t from 'tap';
import { find } from './find.js';
import { MISTAKES } from './mistakes.js';

/** Seven of each property. */
const HISTORIES = 120;
const SOON = [
  'a disabled bitmap cannot be cleared',
  'the count is in granules',
  'a copy that failed ends with 0',
];

t.test('what is planted is found', async (t) => {
  for (const mistake of MISTAKES.filter(({ name }) => SOON.includes(name))) {
    t.match(await find(mistake, 1, HISTORIES), { steps: Number }, mistake.name);
  }
});

t.test('where nothing is planted nothing is found', async (t) => {
  const nothing = { name: 'no mistake', part: 'bitmaps', like: '', plant: () => () => {} } as const;
  t.equal(await find(nothing, 1, 20), null);
});

t.test('a mistake is there only while the target works', (t) => {
  const names = new Set(MISTAKES.map(({ name }) => name));
  t.equal(names.size, MISTAKES.length);
  t.ok(MISTAKES.length >= 15 && new Set(MISTAKES.map(({ part }) => part)).size === 7);
  t.end();
});
