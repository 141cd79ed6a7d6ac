import t from 'tap';
import { inCommonWords } from './other-words.js';

function same(...sides: readonly (readonly string[])[]): boolean {
  const [here, there] = sides.map((lines) => inCommonWords(lines).join('\n'));
  return here === there;
}

t.test('of errors ids count, not words; one id has changed for one command', (t) => {
  const resize = '-> {"execute": "block_resize", "arguments": {"node-name": "disk", "size": 512}}';
  const old = "<- error REF-E-DEVICE-IN-USE GenericError: Device '(null)' is in use";
  const named =
    "<- error REF-E-BUSY GenericError: Node 'disk' is busy: block device is in use by block job: mirror";
  t.ok(same([resize, old], [resize, named]));
  const del = '-> {"execute": "blockdev-del", "arguments": {"node-name": "disk"}}';
  t.notOk(same([del, old], [del, named]));
  t.ok(same([del, named], [del, '<- error REF-E-BUSY GenericError: otherwise']));
  t.notOk(same([del, '<- error UNMAPPED GenericError: one'], [del, '<- error UNMAPPED GenericError: two']));
  t.notOk(same([del, named], [del, '<- {"return": {}}']));
  t.end();
});

t.test(
  'of nodes what 7.2 does not tell is left out, and bitmaps without a name may be on another one',
  (t) => {
    const ask = '-> {"execute": "query-named-block-nodes"}';
    const hidden = '{"busy": false, "count": 0}';
    const reply = (more: string, filter: string, disk: string): string[] => [
      ask,
      `<- {"return": [{${more}"drv": "copy-before-write", "node-name": "filter"${filter}}, {"drv": "raw", "node-name": "disk"${disk}}]}`,
    ];
    const bitmaps = (...all: string[]): string => `, "dirty-bitmaps": [${all.join(', ')}]`;
    const old = reply('', '', bitmaps(hidden));
    t.ok(same(old, reply('"active": true, ', bitmaps(hidden), '')));
    t.notOk(same(old, reply('', bitmaps(hidden), bitmaps(hidden))), 'how many there are counts');
    t.notOk(same(old, reply('"active": false, ', bitmaps(hidden), '')));
    const b0 = '{"count": 0, "name": "b0"}';
    t.notOk(
      same(reply('', '', bitmaps(b0)), reply('', bitmaps(b0), '')),
      'where those with a name are counts',
    );
    const block = '-> {"execute": "query-block"}';
    t.ok(
      same([block, ...old.slice(1)], [block, ...reply('', '', '').slice(1)]),
      'only what is inserted is told of',
    );
    t.same(
      inCommonWords([ask, '<- {"return": {"z": 1, "a": 2}}']),
      [ask, '<- {"return": {"z": 1, "a": 2}}'],
      'what does not tell of nodes stays as it is',
    );
    t.end();
  },
);

t.test('of what was counted zones are left out', (t) => {
  const ask = '-> {"execute": "query-blockstats"}';
  const reply = (more: string): string[] => [
    ask,
    `<- {"return": [{"device": "a", "stats": {"wr_bytes": 512${more}}}]}`,
  ];
  t.ok(same(reply(''), reply(', "zone_append_bytes": 0, "failed_zone_append_operations": 0')));
  t.notOk(same(reply(''), reply(', "rd_bytes": 0')));
  t.end();
});

t.test('in a graph a filter reads what it stands on, and nobody else', (t) => {
  const graph = (hidden: [string, string], needs: string, other = '-'): string[] => [
    'graph',
    `   filter: copy-before-write, 512 bytes${hidden[0]}`,
    '      is $disk.img, depth 1',
    `      file disk: needs ${needs}; shares consistent read`,
    '      target t: needs write; shares consistent read',
    `   disk: raw, 512 bytes${hidden[1]}`,
    `      file disk-file: needs ${needs}; shares consistent read`,
    '   above: raw, 512 bytes',
    `      file filter: needs ${other}; shares consistent read`,
  ];
  const [none, one] = ['', ', bitmap undefined'];
  const old = graph([none, one], '-');
  t.ok(same(old, graph([one, none], 'consistent read')));
  t.ok(same(graph([none, one], 'write'), graph([one, none], 'consistent read, write')));
  t.notOk(same(old, graph([one, none], 'consistent read', 'consistent read')));
  t.notOk(same(old, graph([one, none], 'write')));
  t.end();
});
