import t from 'tap';
import { splitCommand } from './shell-words.js';

t.test('words are split as a shell does it', async (t) => {
  t.same(splitCommand('a b  c\t d\n'), ['a', 'b', 'c', 'd']);
  t.same(splitCommand(`python3 'my adapter.py' "a \\"b\\" \\n" c\\ d ''`), [
    'python3',
    'my adapter.py',
    'a "b" \\n',
    'c d',
    '',
  ]);
  t.same(splitCommand('$HOME;ls|x'), ['$HOME;ls|x'], 'and nothing else of a shell');
  t.throws(() => splitCommand(' '), /empty/);
  t.throws(() => splitCommand(`a 'b`), /open '/);
});
