import t from 'tap';
import type { NbdConnectionStep } from '../../case/nbd-step.js';
import { knownIn } from '../known/known-in.js';
import { openAction } from './actions.js';
import { isLuck } from './luck.js';
import { ModelRun } from './model-run.js';
import { members, qmpAction } from './sketch.js';

const SIZE = 65536;
const QSD_7 = { program: 'qemu-storage-daemon 7.2.22 (Debian)' };
const QSD_10 = { program: 'qemu-storage-daemon 10.0.2 (Debian)' };

function server(most?: number, more = {}): ReturnType<typeof qmpAction> {
  const addr = members({ type: 'unix', data: members({ path: '$socket', ...more }) });
  return qmpAction('nbd-server-start', { addr, 'max-connections': most });
}

function nbd(connection: string, step: NbdConnectionStep) {
  return { verb: 'nbd', connection, ...step } as const;
}

function connect(connection: string, exportName: string | null = 'e0') {
  const base = { op: 'connect', socket: 'socket', replies: 'simple', contexts: [] } as const;
  return nbd(connection, { ...base, export: exportName });
}

function write(offset: number) {
  const asked = { request: 'write', offset, length: 512, flags: [], pattern: 7, chunks: false } as const;
  return nbd('c0', { op: 'request', ...asked });
}

const ADD = qmpAction('block-export-add', {
  type: 'nbd',
  id: 'e0',
  'node-name': 'disk',
  name: 'e0',
  writable: true,
});
const STOP = qmpAction('nbd-server-stop');
const READ = { verb: 'io', node: 'disk', request: { op: 'read', offset: 0, length: 1 } } as const;
const ABORT = nbd('c0', { op: 'option', option: 2, hex: '' });

function played(...actions: Parameters<ModelRun['play']>[0][]): ModelRun {
  const run = new ModelRun('raw');
  for (const action of [openAction('disk', SIZE), ...actions]) run.play(action);
  return run;
}

t.test('who finds no place is never answered', (t) => {
  const full = played(server(1), ADD, connect('c0'));
  t.ok(isLuck(full, connect('c1')));
  t.ok(isLuck(full, READ), 'the harness has no place either');
  full.play(nbd('c0', { op: 'disconnect' }));
  t.notOk(isLuck(full, connect('c1')));
  full.play(STOP);
  t.notOk(isLuck(full, READ), 'the harness has a server of its own');
  for (const most of [undefined, 0, 100])
    t.notOk(isLuck(played(server(most), ADD, connect('c0')), connect('c1')));
  t.end();
});

t.test('nobody waits for an end that there is no reason for', (t) => {
  const run = played(server(), connect('c0', null));
  t.ok(isLuck(run, nbd('c0', { op: 'ended' })));
  run.play(ABORT);
  t.notOk(isLuck(run, nbd('c0', { op: 'ended' })));
  t.end();
});

t.test('a server elsewhere is luck, but where it cannot be', (t) => {
  const at = (type: string, data: object) =>
    qmpAction('nbd-server-start', { addr: members({ type, data: members({ ...data }) }) });
  const [internet, nowhere] = [at('inet', { host: '', port: '0' }), at('vsock', { cid: 'a', port: 'b' })];
  t.ok(isLuck(played(), internet));
  t.notOk(isLuck(played(), nowhere));
  t.ok(isLuck(played(), server(0, { abstract: true })));
  t.notOk(isLuck(played(server()), internet), 'there is one');
  t.end();
});

t.test('what clients write is on the disk, and marked', (t) => {
  const add = qmpAction('block-dirty-bitmap-add', { node: 'disk', name: 'b0' });
  const run = played(add, server(), ADD, connect('c0'), write(0));
  t.equal(run.machine.graph.find('disk')?.bitmap('b0')?.count, SIZE);
  t.end();
});

t.test('what QEMU is known for with clients', (t) => {
  const known = (program: typeof QSD_7, ...actions: Parameters<ModelRun['play']>[0][]): string[] => {
    const steps = [openAction('disk', SIZE), ...actions].map((action) => ({ line: 0, action }));
    return knownIn({ property: 'nbd', format: 'raw', requires: [], steps }, program).map(
      ({ shownBy }) => shownBy,
    );
  };
  t.same(known(QSD_7, server(), connect('c0', null), STOP), ['server-stops-during-handshake']);
  t.same(known(QSD_10, server(), connect('c0', null), STOP), []);
  t.same(known(QSD_7, server(), ADD, connect('c0'), STOP), [], 'it has chosen an export');
  t.same(known(QSD_7, server(), connect('c0', null), ABORT, nbd('c0', { op: 'ended' }), STOP), []);
  t.same(known(QSD_7, server(), ADD, connect('c0'), write(SIZE), STOP), ['requests-past-the-end']);
  t.same(known(QSD_7, server(), ADD, connect('c0'), write(0), STOP), []);
  t.end();
});
