import t from 'tap';
import type { Action } from '../../case/case.js';
import { LawBook } from './law-book.js';

const bitmap = (verb: string, args: { [name: string]: string | string[] | number }): Action => ({
  verb: 'qmp',
  command: `block-dirty-bitmap-${verb}`,
  arguments: { node: 'disk', ...args },
});
const write: Action = {
  verb: 'io',
  node: 'disk',
  request: { op: 'write', offset: 0, length: 1, pattern: 1 },
};
const look: Action = { verb: 'observe', node: 'disk' };
const OK = ['', '<- {"return": {}}'];
const REFUSED = ['', '<- error BMP-E-BUSY GenericError: x'];

/** What `observe` prints: names with their dirty areas. */
function seen(bitmaps: { [name: string]: string }): string[] {
  const lines = Object.entries(bitmaps).flatMap(([name, areas]) => {
    const count = [...areas.matchAll(/\+(\d+)/g)].reduce((sum, [, length]) => sum + Number(length), 0);
    return [`   ${name}: granularity 512, count ${count}, recording`, `      dirty ${areas}`];
  });
  return ['observe disk', '   size 4096', ...lines];
}

/** The law that a dialogue breaks, if it does. */
function broken(...dialogue: [Action, string[]][]): string | undefined {
  const book = new LawBook();
  const open = { verb: 'open', node: 'disk' } as unknown as Action;
  book.see(0, open, ['', '   ok']);
  for (const [index, [action, lines]] of dialogue.entries()) {
    const found = book.see(index + 1, action, lines);
    if (found !== null) return found.law;
  }
  return undefined;
}

const ADD = (name: string): [Action, string[]] => [bitmap('add', { name, granularity: 512 }), OK];

t.test('who knows of the same looks the same', (t) => {
  const a = bitmap('merge', { target: 'c', bitmaps: ['a'] });
  const history = (c: string): [Action, string[]][] => [
    ADD('a'),
    [write, ['', '   ok']],
    ADD('c'),
    [bitmap('disable', { name: 'c' }), OK],
    [a, OK],
    [look, seen({ a: '0+512', c })],
  ];
  t.equal(broken(...history('0+512')), undefined);
  t.equal(broken(...history('0+1024')), 'merging is monotone');
  t.equal(broken(...history('none')), 'who knows of the same looks the same');
  t.end();
});

t.test('what was written while a bitmap recorded is dirty', (t) => {
  const history = (areas: string, ...between: [Action, string[]][]): [Action, string[]][] => [
    ADD('a'),
    ...between,
    [write, ['', '   ok']],
    [look, seen({ a: areas })],
  ];
  t.equal(broken(...history('0+512')), undefined);
  t.equal(broken(...history('512+512')), 'what was written is dirty');
  t.equal(broken(...history('none')), 'what was written is dirty');
  t.equal(broken(...history('none', [bitmap('disable', { name: 'a' }), OK])), undefined);
  const refused: [Action, string[]] = [write, ['', '   error ENOSPC']];
  t.equal(broken(ADD('a'), refused, [look, seen({ a: 'none' })]), undefined);
  t.end();
});

t.test('what knows of nothing is clean', (t) => {
  const history = (areas: string): [Action, string[]][] => [
    ADD('a'),
    [write, ['', '   ok']],
    [bitmap('clear', { name: 'a' }), OK],
    [look, seen({ a: areas })],
  ];
  t.equal(broken(...history('none')), undefined);
  t.equal(broken(...history('0+512')), 'what knows of nothing is clean');
  t.end();
});

t.test('what was refused changes nothing', (t) => {
  const history = (areas: string): [Action, string[]][] => [
    ADD('a'),
    [write, ['', '   ok']],
    [look, seen({ a: '0+512' })],
    [bitmap('clear', { name: 'a' }), REFUSED],
    [look, seen({ a: areas })],
  ];
  t.equal(broken(...history('0+512')), undefined);
  t.equal(broken(...history('none')), 'what was refused changes nothing');
  t.end();
});
