import t from 'tap';
import { MemoryStorage } from '../../storage/memory-storage.js';
import { nodeSha256 } from '../sha256.js';
import { Context } from './context.js';
import { Progress } from './progress.js';

function shown(isTerminal: boolean, isAsked: boolean, isQuiet = false): string {
  const out: string[] = [];
  const context = new Context({
    storage: new MemoryStorage(),
    makeHash: nodeSha256,
    stdout: (text) => void out.push(text),
    stderr: (text) => void out.push(text),
    readLine: () => undefined,
    isTerminal,
  });
  context.isQuiet = isQuiet;
  const progress = new Progress(context, isAsked);
  for (const done of [1, 2, 500, 504, 1000]) progress.at(done, 1000);
  progress.end();
  return out.join('');
}

t.test('progress', (t) => {
  const plain = '    (0.00/100%)\r    (50.00/100%)\r    (100.00/100%)\r\n';
  t.equal(shown(false, true), plain, 'as qemu-img prints it: no step of less than one percent');
  const bar = (full: number): string => `[${'='.repeat(full)}${' '.repeat(40 - full)}]`;
  t.equal(
    shown(true, true),
    `    ${bar(0)} (0.00/100%)\r    ${bar(20)} (50.00/100%)\r    ${bar(40)} (100.00/100%)\r\n`,
    'with a bar for people',
  );
  t.equal(shown(true, false), '');
  t.equal(shown(true, true, true), '');
  t.end();
});
