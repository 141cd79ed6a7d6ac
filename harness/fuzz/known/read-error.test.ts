import t from 'tap';
import { openAction } from '../draw/actions.js';
import { qmpAction } from '../draw/sketch.js';
import type { History } from '../history.js';
import { knownIn } from './known-in.js';

type Action = History['steps'][number]['action'];
type Replies = 'simple' | 'structured';

/** What is known of the read at the end. */
function known(actions: readonly Action[]): string | undefined {
  const steps = actions.map((action) => ({ line: 0, action }));
  const history: History = { property: 'nbd', format: 'raw', requires: [], steps };
  return knownIn(history, { program: 'qemu-storage-daemon 7.2.22 (Debian)' })[0]?.shownBy;
}

/** A node in which requests of this kind fail. */
function faulty(iotype: string): readonly Action[] {
  const rules = [{ event: 'none', iotype }];
  const options = { driver: 'blkdebug', 'node-name': 'faulty', image: 'disk', 'inject-error': rules };
  return [openAction('disk', 65536), qmpAction('blockdev-add', options)];
}

/** What is known of a read by such a client of it. */
function shownBy(iotype: string, replies: Replies, flags: readonly 'df'[]): string | undefined {
  return known([
    ...faulty(iotype),
    qmpAction('nbd-server-start', { addr: { type: 'unix', data: { path: '$socket' } } }),
    qmpAction('block-export-add', { type: 'nbd', id: 'e0', name: 'e0', 'node-name': 'faulty' }),
    { verb: 'nbd', op: 'connect', connection: 'c0', socket: 'socket', export: 'e0', replies, contexts: [] },
    {
      verb: 'nbd',
      op: 'request',
      connection: 'c0',
      request: 'read',
      offset: 0,
      length: 512,
      flags,
      pattern: undefined,
      chunks: false,
    },
  ]);
}

t.test('a client reads what cannot be read', (t) => {
  t.equal(shownBy('read', 'structured', []), 'read-error-keeps-the-connection');
  t.equal(shownBy('read', 'structured', ['df']), undefined);
  t.equal(shownBy('read', 'simple', []), undefined);
  t.equal(shownBy('write', 'structured', []), undefined);
  const io = (op: 'read' | 'write'): Action => ({
    verb: 'io',
    node: 'faulty',
    request: { op, offset: 0, length: 512, pattern: 1 },
  });
  t.equal(known([...faulty('read'), io('read')]), 'read-error-keeps-the-connection');
  t.equal(known([...faulty('read'), io('write')]), undefined);
  t.end();
});
