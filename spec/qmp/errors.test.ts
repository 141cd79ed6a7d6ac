import t from 'tap';
import { QBM_ERRORS, QbmError, type QbmErrorId } from '../qbm/errors.js';
import { readRules } from './dialogue-for-tests.js';
import { ERROR_TABLE } from './error-table.js';
import { defineError, ErrorTable, errorIdOf, QmpError, sampleOf } from './errors.js';
import { INPUT_ERRORS, missing, outOfRange } from './input-errors.js';

t.test('an error is made from its template', (t) => {
  const error = missing({ name: "it's {name}" });
  t.type(error, QmpError);
  t.match(error, { id: 'QMP-E-MISSING', class: 'GenericError', desc: "Parameter 'it's {name}' is missing" });
  t.equal(outOfRange({ name: 'a', kind: 'uint8_t' }).message, "Parameter 'a' expects uint8_t");
  // @ts-expect-error a word that the template does not name
  outOfRange({ name: 'a', kind: 'uint7_t' });
  // @ts-expect-error a place left empty
  missing({});
  t.throws(() => defineError('qmp-missing', 'GenericError', ''), /no error id/);
  t.end();
});

t.test("each id's own sample maps back to it (QMP-040)", (t) => {
  const table = new ErrorTable(INPUT_ERRORS);
  for (const definition of INPUT_ERRORS) {
    t.equal(table.idOf(sampleOf(definition), definition.class), definition.id, definition.id);
    t.equal(table.idOf(sampleOf(definition), 'KVMMissingCap'), undefined);
  }
  t.end();
});

t.test('texts are found, the most specific template first', (t) => {
  const id = (desc: string, errorClass = 'GenericError') => errorIdOf(INPUT_ERRORS, desc, errorClass);
  t.equal(id("Parameter 'a' expects uint64"), 'QMP-E-UNSIGNED');
  t.equal(id("Parameter 'a' expects uint32_t"), 'QMP-E-RANGE');
  t.equal(id("Invalid parameter type for 'a', expected: array"), 'QMP-E-TYPE');
  t.equal(id("Invalid parameter type for 'null', expected: BlockdevRef"), 'QMP-E-ALTERNATE');
  t.equal(id("Parameter 'a\nb' does not accept value '\u0000'"), 'QMP-E-ENUM');
  t.equal(id('No such thing'), undefined);
  t.end();
});

t.test('a table refuses what it could not tell apart', (t) => {
  const one = defineError('QMP-E-ONE', 'GenericError', 'text');
  const two = defineError('QMP-E-TWO', 'GenericError', 'text');
  t.throws(() => new ErrorTable([one], [one]), /QMP-E-ONE/);
  t.throws(() => new ErrorTable([one, two]), /GenericError: text/);
  t.end();
});

t.test('QMP.md ends with this table', (t) => {
  const lines = readRules().trimEnd().split('\n').slice(-INPUT_ERRORS.length);
  t.strictSame(
    lines,
    INPUT_ERRORS.map((e) => `| ${e.id} | ${e.class} | \`${e.template.replaceAll('|', '\\|')}\` |`),
  );
  t.end();
});

t.test('a text that nobody knows has no id', (t) => {
  t.equal(ERROR_TABLE.idOf('Something entirely new', 'GenericError'), undefined);
  t.end();
});

t.test('an error in a descriptor is found with its place and without it', (t) => {
  const place = { file: '/images/a.qbm', line: 2, column: 14 };
  for (const id of Object.keys(QBM_ERRORS) as QbmErrorId[]) {
    for (const at of [null, place]) {
      const { message } = new QbmError(id, argumentsOf(QBM_ERRORS[id]), at);
      t.equal(ERROR_TABLE.idOf(message, 'GenericError'), id, message);
    }
  }
  const opened = "Could not open 'a': /images/a.qbm:2:14: not UTF-8: save the descriptor as UTF-8";
  t.equal(ERROR_TABLE.idOf(opened, 'GenericError'), 'REF-E-OPEN', 'the error of the whole');
  t.equal(ERROR_TABLE.idOf('a.qbm:2:14: something new', 'GenericError'), 'REF-E-STORAGE');
  t.end();
});

/** Each placeholder of a template, filled with its own name. */
function argumentsOf(template: string): { [name: string]: string } {
  return Object.fromEntries([...template.matchAll(/\{(\w+)\}/g)].map(([, name]) => [name!, name!]));
}
