import t from 'tap';
import { errorId } from './known.js';

t.test('an error has one id in all versions of QEMU', (t) => {
  const generic = (desc: string): string | undefined => errorId('qsd', desc, 'GenericError');
  const grouped = (word: string): string =>
    `Action 'abort' does not support ${word} property completion-mode = grouped`;
  t.equal(generic(grouped('Transaction')), 'TXN-E-COMPLETION-MODE');
  t.equal(generic(grouped('transaction')), 'TXN-E-COMPLETION-MODE');
  t.equal(generic("Parameter 'offset' expects a non-negative number below 2^64"), 'REF-E-NEGATIVE');
  t.equal(generic("Value '-512' is out of range for parameter 'offset'"), 'REF-E-NEGATIVE');
  t.equal(generic("Value 'x' is out of range for parameter 'offset'"), undefined);
  t.equal(errorId('qsd', grouped('transaction'), 'CommandNotFound'), undefined);
  t.equal(errorId('adapter', grouped('Transaction'), 'GenericError'), undefined, 'whose words are its own');
  t.end();
});
