import fc from 'fast-check';
import t from 'tap';
import { JsonSyntaxError, readJson } from './read.js';
import { isJsonObject, type Json, JsonReal, jsonObject } from './value.js';
import { layoutJson, writeJson } from './write.js';

const { json } = fc.letrec<{ json: Json }>((tie) => ({
  json: fc.oneof(
    { depthSize: 'medium' },
    fc.constantFrom(null, true, false),
    fc.maxSafeInteger(),
    fc.bigInt().filter((n) => !Number.isSafeInteger(Number(n))),
    fc.constantFrom('0.5', '-1e-7', '1E+400', '0.10', '-0.0', '0e1').map((text) => new JsonReal(text)),
    fc.string({ unit: 'binary' }),
    fc.array(tie('json'), { maxLength: 4 }),
    fc
      .dictionary(fc.string({ unit: 'binary' }), tie('json'), { maxKeys: 4, noNullPrototype: false })
      .map(jsonObject),
  ),
}));

t.test('what was written is read back as it was', (t) => {
  fc.assert(
    fc.property(json, fc.integer({ min: 0, max: 60 }), (value, width) => {
      const text = writeJson(value);
      t.match(text, /^[ -~]*$/, { at: null });
      return (
        writeJson(readJson(text)) === text &&
        writeJson(readJson(layoutJson(value, width))) === writeJson(value, { sorted: true })
      );
    }),
    { numRuns: 500 },
  );
  t.end();
});

t.test('what JSON.parse takes is taken, and nothing else but what is refused on purpose', (t) => {
  const piece = fc.constantFrom(
    ...'{}[],:"\\ \n01-+.eEtrufalsn'.split(''),
    '"a"',
    'true',
    '"\\u0041"',
    '1e5',
    'null',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join('')),
        json.map((v) => writeJson(v)),
      ),
      (text) => {
        let theirs: unknown;
        try {
          theirs = JSON.parse(text);
        } catch {
          t.throws(() => readJson(text), JsonSyntaxError, { at: null });
          return;
        }
        try {
          const plain = (v: Json): unknown => {
            if (v instanceof JsonReal || typeof v === 'bigint')
              return Number(v instanceof JsonReal ? v.text : v);
            if (Array.isArray(v)) return v.map(plain);
            if (!isJsonObject(v)) return v;
            const entries = Object.entries(v).map(([name, member]) => [name, plain(member)]);
            return Object.fromEntries(entries);
          };
          // -0 is one of the few things that differ on purpose, and JSON.stringify does not tell
          t.equal(JSON.stringify(plain(readJson(text))), JSON.stringify(theirs), { at: null });
        } catch (error) {
          if (!(error instanceof JsonSyntaxError) || !/occurs twice/.test(error.message)) throw error;
        }
      },
    ),
    { numRuns: 2000 },
  );
  t.end();
});

t.test('integers are exact and reals keep their text', (t) => {
  t.equal(readJson('9007199254740991'), 2 ** 53 - 1);
  t.equal(readJson('9007199254740993'), 9007199254740993n);
  t.equal(readJson('-18446744073709551617'), -18446744073709551617n);
  t.ok(Object.is(readJson('-0'), 0));
  t.strictSame(readJson('65536.0'), new JsonReal('65536.0'));
  const hidden = readJson('{"__proto__": {"a": 1}}');
  t.ok(isJsonObject(hidden) && Object.keys(hidden).length === 1);
  t.end();
});

t.test('errors name what, and where', (t) => {
  const at = (text: string, line: number, column: number, offset: number, problem: RegExp): void => {
    t.throws(() => readJson(text), { line, column, offset, message: problem }, JSON.stringify(text));
  };
  at('', 1, 1, 0, /the end of the text/);
  at('\ufeff{}', 1, 1, 0, /byte order mark/);
  at('{"a": 1,\n "a": 2}', 2, 2, 10, /"a" occurs twice/);
  at('[1,]', 1, 4, 3, /a value is expected, not "\]"/);
  at('{"a":1,}', 1, 8, 7, /member name/);
  at("{'a':1}", 1, 2, 1, /member name in double quotes/);
  at('[1] x', 1, 5, 4, /after the end of the value: "x"/);
  at('NaN', 1, 1, 0, /a value is expected, not "NaN"/);
  at('-Infinity', 1, 2, 1, /digit/);
  at('[01]', 1, 2, 1, /not a JSON number: 01/);
  at('// c', 1, 1, 0, /a value is expected/);
  at('"a', 1, 1, 0, /not closed/);
  at('"a\tb"', 1, 3, 2, /control character/);
  at('"\ud800"', 1, 2, 1, /lone surrogate/);
  at('"\\ud800\\u0041"', 1, 2, 1, /lone surrogate/);
  at('"\\x"', 1, 2, 1, /no such escape: \\x/);
  at('"\\u12"', 1, 2, 1, /four hexadecimal/);
  at('[1 2]', 1, 4, 3, /',' or '\]'/);
  at('{"a" 1}', 1, 6, 5, /':' is expected/);
  t.doesNotThrow(() => readJson('['.repeat(1024) + ']'.repeat(1024)));
  at('['.repeat(1025), 1, 1025, 1024, /deeper than 1024/);
  t.throws(() => readJson('[[]]', { depth: 1 }), /deeper than 1/);
  t.throws(() => readJson('12345', { length: 4 }), /longer than 4/);
  t.end();
});

t.test('writing', (t) => {
  const value = jsonObject({ b: [1, new JsonReal('1.50')], a: '\u00fc"\n', c: 2n ** 64n });
  t.equal(writeJson(value), '{"b": [1, 1.50], "a": "\\u00FC\\"\\n", "c": 18446744073709551616}');
  t.equal(
    writeJson(value, { sorted: true }),
    '{"a": "\\u00FC\\"\\n", "b": [1, 1.50], "c": 18446744073709551616}',
  );
  t.throws(() => writeJson(0.5), RangeError);
  t.throws(() => writeJson(2 ** 53), RangeError);
  t.end();
});

t.test('layout: one line where it fits, else one member a line', (t) => {
  const value = jsonObject({ b: [1, 2, 3], a: jsonObject({ d: 1, c: 'x'.repeat(10) }), e: jsonObject() });
  t.equal(layoutJson(value, 80), writeJson(value, { sorted: true }));
  t.equal(
    layoutJson(value, 20),
    [
      '{',
      '  "a": {',
      '    "c": "xxxxxxxxxx",',
      '    "d": 1',
      '  },',
      '  "b": [1, 2, 3],',
      '  "e": {}',
      '}',
    ].join('\n'),
  );
  t.equal(layoutJson(value, 0).split('\n').length, 12);
  t.end();
});
