/** Commands as they are sent: nothing is lost, and no byte is there that need not be. */
import fc from 'fast-check';
import t from 'tap';
import { readJson } from '../../../spec/json/read.js';
import { type Json, JsonReal, jsonObject } from '../../../spec/json/value.js';
import { writeCommand } from './message.js';

const { value } = fc.letrec<{ value: Json; object: Json }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom<Json>(
      null,
      true,
      false,
      0,
      -1,
      2 ** 53 - 1,
      2n ** 63n,
      -(2n ** 64n),
      new JsonReal('1.50'),
    ),
    fc.integer(),
    fc.string({ unit: 'binary' }),
    fc.array(tie('value') as fc.Arbitrary<Json>, { maxLength: 4 }),
    tie('object') as fc.Arbitrary<Json>,
  ),
  object: fc
    .dictionary(fc.string({ unit: 'binary' }), tie('value') as fc.Arbitrary<Json>, { maxKeys: 4 })
    .map((members) => Object.assign(jsonObject(), members)),
}));

t.test('what is sent is what was meant, in ASCII and on one line', async (t) => {
  fc.assert(
    fc.property(value, fc.nat(9), (data, id) => {
      const line = writeCommand('x', Object.assign(jsonObject(), { data }), id);
      t.match(line, /^[ -~]*\n$/);
      const meant = jsonObject({ execute: 'x', arguments: jsonObject({ data }), id });
      t.strictSame(readJson(line), meant, line);
    }),
    { numRuns: 300 },
  );
});

t.test('without spaces, but those of names', async (t) => {
  t.equal(writeCommand('query-jobs', undefined), '{"execute":"query-jobs"}\n');
  const args = jsonObject({ node: 'a node', sizes: [1, 2], deep: jsonObject({ on: true }) });
  t.equal(
    writeCommand('x', args, 7),
    '{"execute":"x","arguments":{"node":"a node","sizes":[1,2],"deep":{"on":true}},"id":7}\n',
  );
  t.throws(() => writeCommand('x', jsonObject({ size: 1.5 })), RangeError, 'a mistake of whoever made it');
});
