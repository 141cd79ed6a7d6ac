import t from 'tap';
import { readYaml } from '../load/yaml.js';
import { type ListForm, listText } from './edit-list.js';

interface Item {
  readonly name: string;
  readonly value: string;
}

const FORM: ListForm<Item> = {
  header: '# header\n',
  key: ({ name }) => name,
  print: ({ name, value }) => `- name: ${name}\n  value: ${JSON.stringify(value)}\n`,
};

/** As somebody wrote it: quotes, order of members and comments are not those that a program writes. */
const TEXT = `# Mine.
- {name: b, value: 'one'}
# About d.
- value: |2-
    - two
    # no comment
  name: d

# At the end.
`;

const ITEMS: readonly Item[] = [
  { name: 'b', value: 'one' },
  { name: 'd', value: '- two\n# no comment' },
];
const BEFORE = { text: TEXT, items: ITEMS };

const item = (name: string, value = 'x'): Item => ({ name, value });

t.test('the text is read as its items', (t) => {
  t.match(readYaml(TEXT).value, ITEMS);
  t.end();
});

t.test('an item is put where it belongs, and no other line changes', (t) => {
  t.equal(listText(ITEMS, FORM, BEFORE), TEXT, 'nothing is new');
  for (const [name, next] of [
    ['a', '- {name: b'],
    ['c', '# About d.\n'],
    ['b', '# About d.\n'],
  ] as const) {
    const text = listText([...ITEMS, item(name)], FORM, BEFORE);
    t.equal(text, TEXT.replace(next, `${FORM.print(item(name))}${next}`), name);
  }
  t.equal(listText([...ITEMS, item('e')], FORM, BEFORE), TEXT + FORM.print(item('e')));
  t.end();
});

t.test('an item that changed is written anew, one that is gone goes with its comment', (t) => {
  t.equal(
    listText([item('b', 'other'), ITEMS[1]!], FORM, BEFORE),
    TEXT.replace("- {name: b, value: 'one'}\n", FORM.print(item('b', 'other'))),
  );
  t.equal(listText([ITEMS[0]!], FORM, BEFORE), "# Mine.\n- {name: b, value: 'one'}\n");
  t.equal(listText([], FORM, BEFORE), '# Mine.\n[]\n');
  t.end();
});

t.test('a list that is not there, or not written item by item, is written as a whole', (t) => {
  const whole = `# header\n${FORM.print(item('a'))}${FORM.print(item('b'))}`;
  t.equal(listText([item('b'), item('a')], FORM), whole);
  t.equal(listText([item('b'), item('a')], FORM, { text: '[]\n', items: [] }), whole);
  const flow = { text: '[{name: a, value: x}]', items: [item('a')] };
  t.equal(listText([item('a'), item('b')], FORM, flow), whole);
  t.equal(listText([], FORM), '# header\n[]\n');
  const unfinished = { text: '- {name: a, value: x}', items: [item('a')] };
  t.equal(
    listText([item('a'), item('b')], FORM, unfinished),
    `- {name: a, value: x}\n${FORM.print(item('b'))}`,
  );
  t.end();
});
