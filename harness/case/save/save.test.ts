import fc from 'fast-check';
import t from 'tap';
import { type Json, JsonReal, jsonObject } from '../../../spec/json/value.js';
import { places } from '../../cli/environment.js';
import { loadSuite, parseCase } from '../load/load.js';
import { readYaml } from '../load/yaml.js';
import { encodeAction } from './encode.js';
import { itemLines, memberLines } from './yaml.js';

t.test('every step of every case is read again as what it was', (t) => {
  const { cases } = loadSuite(places({}).cases);
  t.ok(cases.length > 300);
  for (const found of cases) {
    const steps = itemLines(
      found.steps.map(({ action }) => encodeAction(action)),
      2,
    );
    const text = [`id: ${found.id}`, 'title: t', 'rules: [BMP-001]', 'steps:', ...steps, ''].join('\n');
    const again = parseCase(text, { file: found.file, area: found.area, slug: found.id });
    const wanted = found.steps.map(({ action }) => action);
    const got = again.steps.map(({ action }) => action);
    if (JSON.stringify(got, plain) === JSON.stringify(wanted, plain)) continue;
    t.same(got, wanted, found.id);
  }
  t.end();
});

function plain(_name: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `${value}n` : value;
}

t.test('an integer that no case can hold is sent as a text', (t) => {
  const args = jsonObject({ size: 2n ** 60n });
  t.same(
    encodeAction({ verb: 'qmp', command: 'block_resize', arguments: args }),
    jsonObject({ raw: '{"execute": "block_resize", "arguments": {"size": 1152921504606846976}}' }),
  );
  t.end();
});

t.test('any value is read again as what it was', (t) => {
  const { value } = fc.letrec<{ value: Json; members: { [name: string]: Json } }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      fc.constantFrom<Json>(null, true, false, new JsonReal('1.5'), new JsonReal('1e3')),
      fc.integer(),
      fc.string(),
      fc.constantFrom('yes', 'null', '1', '-', '', ' a', '- a', 'a: b', '~', '$disk.img', '#', '\u0085', "'"),
      fc.array(tie('value'), { maxLength: 4 }),
      tie('members').map((members) => jsonObject(members)),
    ),
    members: fc.dictionary(fc.string(), tie('value'), { maxKeys: 4 }),
  }));
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 4 }), (items) => {
      const lines = memberLines(jsonObject({ items }));
      const read = readYaml(`${lines.join('\n')}\n`);
      t.same(read.mistakes, []);
      t.same(read.value, jsonObject({ items }));
    }),
  );
  t.end();
});
