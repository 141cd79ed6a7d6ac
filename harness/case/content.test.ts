import t from 'tap';
import { bytesOf, type FileContent } from './content.js';

/** The bytes as Latin-1 text, so that a difference can be read. */
function shown(content: FileContent): string | number {
  const bytes = bytesOf(content);
  return typeof bytes === 'number' ? bytes : Buffer.from(bytes).toString('latin1');
}

t.test('each kind of content', (t) => {
  t.equal(shown({ kind: 'size', size: 2 ** 53 - 1 }), 2 ** 53 - 1);
  t.equal(shown({ kind: 'fill', byte: 0x2a, size: 3 }), '***');
  t.equal(shown({ kind: 'hex', hex: '00 ff 41' }), '\u0000\u00ffA');
  t.equal(shown({ kind: 'hex', hex: '' }), '');
  t.equal(shown({ kind: 'text', text: 'é\n', pieces: [] }), '\u00c3\u00a9\n');
  t.end();
});

t.test('what names in a text stand for', (t) => {
  const text = (text: string, ...pieces: (FileContent & { kind: 'text' })['pieces'][number][]) =>
    shown({ kind: 'text', text, pieces });
  t.equal(text('<N>N', ['N', { text: 'ab', times: 2 }]), '<abab>abab');
  t.equal(text('B', ['B', { text: '#,', times: 3 }]), '1,2,3,');
  t.equal(text('xBADx', ['BAD', { hex: 'ff fe' }]), 'x\u00ff\u00fex');
  t.equal(text('xBADx', ['BAD', { hex: '' }]), 'xx');
  t.equal(text('PAPAD', ['PA', { text: '1', times: 1 }], ['PAD', { text: '2', times: 1 }]), '12');
  t.equal(text('A', ['A', { text: 'B', times: 1 }], ['B', { text: 'A', times: 1 }]), 'B', 'once');
  t.end();
});
