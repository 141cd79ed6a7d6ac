/**
 * The monitor for people (QMP-050), beside that of a real QEMU: the same lines, and what comes back in the reply and on
 * standard output. Without QEMU the comparison is skipped; with CI set it fails instead.
 */
import { spawnSync } from 'node:child_process';
import t from 'tap';
import { nodeSha256 } from '../../host/sha256.js';
import { readJson } from '../../json/read.js';
import { type JsonObject, jsonObject } from '../../json/value.js';
import { writeJson } from '../../json/write.js';
import { MemoryStorage } from '../../storage/memory-storage.js';
import { Machine } from '../machine.js';

const PROGRAM = 'qemu-system-x86_64';
const found = spawnSync(PROGRAM, ['--version'], { encoding: 'utf8' });
const version = found.error ? 'none' : (/version ([0-9.]+)/.exec(found.stdout)?.[1] ?? 'unknown');
const skip = version.startsWith('7.2.') ? false : `${PROGRAM} 7.2 is not in PATH (found: ${version})`;
if (skip && process.env.CI) {
  t.test('the real monitor is there', (t) => {
    t.fail(skip);
    t.end();
  });
}

const NODES = [
  jsonObject({ driver: 'null-co', 'node-name': 'n', size: 65536, 'read-zeroes': true }),
  jsonObject({ driver: 'null-co', 'node-name': 'r', size: 65536, 'read-only': true, 'read-zeroes': true }),
];

/** Drives: with a medium, whose node is dn, and without one. */
const MEDIUM = jsonObject({ driver: 'null-co', 'node-name': 'dn', size: 65536, 'read-zeroes': true });
const DRIVES = ['if=none,id=drv,driver=null-co,node-name=dn,size=65536,read-zeroes=on', 'if=none,id=empty'];

const LINES = [
  ...['qemu-io n "write 0 512"', 'qemu-io n "read -P 1 0 512"', 'qemu-io n "read 1M 512"', 'qemu-io n foo'],
  ...[
    'qemu-io n "read 0"',
    'qemu-io n "read 0 x"',
    'qemu-io n length',
    'qemu-io n',
    'qemu-io',
    'qemu-io no length',
  ],
  ...[
    'qemu-io r "write 0 1"',
    'qemu-io r "read -v 0 20"',
    'qemu-io n "open x"',
    'qemu-io n quit',
    'qemu-io n close',
  ],
  ...[
    'qemu-io n "truncate 1M"',
    'qemu-io n "truncate -m x 1M"',
    'qemu-io n "read 0 0x1k"',
    'qemu-io n "sleep 1"',
  ],
  ...[
    'qemu-io n "aio_write 0 512"',
    'qemu-io n aio_flush',
    'qemu-io n ""',
    'qemu-io n "  "',
    'qemu-io n length x',
  ],
  ...[
    'qemu-io -d n length',
    'qemu-io -dn length',
    'qemu-io -dx n length',
    'qemu-io -x n length',
    'qemu-io - length',
  ],
  ...[
    'qemu-io -d',
    'qemu-io -d n',
    'qemu-io n -d length',
    'foo',
    '',
    '  ',
    '/x',
    'qemu-io/x n length',
    '#x',
    'qemu-i n x',
  ],
  ...[
    'qemu-io "n" "length"',
    "qemu-io n 'length'",
    'qemu-io n "length',
    'qemu-io n "le\\"n"',
    'qemu-io n "a\\qb"',
  ],
  ...[
    'qemu-io n "length"x',
    'qemu-io n"x" length',
    'qemu-io\tn\tlength',
    'qemu-io "" length',
    'qemu-io "n',
    'qemu-io n ""x',
  ],
  ...[
    'qemu-io no "length',
    'qemu-io\nn length',
    'qemu-io n info',
    'qemu-io n map',
    'qemu-io n "alloc 0 4k"',
    'qemu-io n,length',
  ],
  ...[
    'qemu-io drv length',
    'qemu-io drv "write 0 512"',
    'qemu-io dn "write 0 512"',
    'qemu-io -d drv length',
    'qemu-io drv x',
  ],
  ...['write', 'write -z', 'read', 'discard', 'writev', 'readv', 'aio_write', 'aio_read'].map(
    (command) => `qemu-io empty "${command} 0 512"`,
  ),
  ...['length', 'map', 'truncate 512', 'flush', 'aio_flush', 'alloc x', 'read', 'read 0 x', 'nonsense'].map(
    (command) => `qemu-io empty "${command}"`,
  ),
];

function requests(): JsonObject[] {
  const asked = LINES.map((line) =>
    jsonObject({ execute: 'human-monitor-command', arguments: jsonObject({ 'command-line': line }) }),
  );
  return [...NODES.map((node) => jsonObject({ execute: 'blockdev-add', arguments: node })), ...asked];
}

/** Replies, and what is printed before them, without how long a request took. */
function ours(): string[] {
  let said = '';
  const machine = new Machine({
    storage: new MemoryStorage(),
    makeHash: nodeSha256,
    print: (stream, text) => {
      if (stream === 'stdout') said += text;
    },
  });
  machine.addDrive('drv', MEDIUM);
  machine.addDrive('empty', null);
  for (const request of requests()) {
    const command = String(request.execute);
    const reply = machine.execute({ name: command, arguments: request.arguments as JsonObject });
    said += `${writeJson(jsonObject({ return: reply }))}\n`;
    t.same(machine.verify(), []);
  }
  return comparable(said);
}

function theirs(): string[] {
  const all = [{ execute: 'qmp_capabilities' }, ...requests(), { execute: 'quit' }];
  const drives = DRIVES.flatMap((drive) => ['-drive', drive]);
  const run = spawnSync(
    PROGRAM,
    [...'-machine none -nodefaults -display none -qmp stdio'.split(' '), ...drives],
    {
      input: all.map((request) => `${writeJson(jsonObject(request))}\n`).join(''),
      encoding: 'utf8',
      timeout: 30_000,
    },
  );
  const lines = comparable(run.stdout).filter((line) => !/^\{"(QMP|timestamp)"/.test(line));
  return lines.slice(1, -1); // what answers qmp_capabilities and quit
}

function comparable(text: string): string[] {
  const lines = text.replace(/^(.* 1 ops);.*$/gm, '$1').split(/\r?\n/);
  return lines
    .filter((line) => line !== '')
    .map((line) => (line.startsWith('{') ? writeJson(readJson(line)) : line));
}

t.test('qemu-io in the monitor for people, as QEMU has it', { skip }, (t) => {
  t.same(ours(), theirs());
  t.end();
});

t.test('what QEMU 7.2 dies of is refused', (t) => {
  const machine = new Machine({ storage: new MemoryStorage(), makeHash: nodeSha256 });
  machine.addDrive('empty', null);
  for (const line of ['qemu-io empty info', 'qemu-io empty "alloc 0"']) {
    const name = 'human-monitor-command';
    t.equal(machine.execute({ name, arguments: jsonObject({ 'command-line': line }) }), '');
  }
  t.end();
});

t.test('what is printed goes to the process, not into the reply', (t) => {
  const printed: string[] = [];
  const machine = new Machine({
    storage: new MemoryStorage(),
    makeHash: nodeSha256,
    print: (stream, text) => printed.push(`${stream}: ${text}`),
  });
  machine.execute({ name: 'blockdev-add', arguments: NODES[0]! });
  const ask = (line: string) =>
    machine.execute({
      name: 'human-monitor-command',
      arguments: jsonObject({ 'command-line': line }),
    });
  t.equal(ask('qemu-io n "length"'), '');
  t.equal(ask('qemu-io n nonsense'), '');
  t.equal(ask('qemu-io n "help read"'), '');
  t.same(printed.slice(0, 2), ['stdout: 64 KiB\n', 'stderr: command "nonsense" not found\n']);
  t.same(machine.verify(), []);
  t.end();
});
