/** Chains of QBM images, and who may do what with them. GRAPH.md. */
import t from 'tap';
import { type Json, jsonObject } from '../../json/value.js';
import { Bench, SIZE } from '../bench-for-tests.js';

t.test('a backing file is read, kept and forbidden things (REF-025, REF-026, REF-027)', (t) => {
  const bench = new Bench('a', 'b');
  t.equal(bench.add('a', { backing: null }), 'ok');
  t.equal(bench.add('b', { backing: 'a' }), 'ok');
  t.same(bench.machine.verify(), []);
  t.equal(bench.del('a'), "REF-E-BUSY: Node 'a' is busy: node is used as backing hd of 'b'");
  t.equal(bench.del('a-file'), 'REF-E-NOT-MONITOR: Node a-file is not owned by the monitor');
  t.equal(bench.resize('a'), "REF-E-DEVICE-IN-USE: Device '(null)' is in use");
  t.match(
    bench.resize('a-file'),
    /'resize' are both required by an unnamed block device \(uses node 'a-file'/,
  );
  t.equal(bench.permissions('a'), ' / consistent read, write, write unchanged, resize');
  t.equal(bench.permissions('a-file'), 'consistent read, write, resize / consistent read, write unchanged');
  t.equal(bench.qmp('blockdev-add', { driver: 'raw', 'node-name': 'x', file: 'a' }), 'ok');
  t.match(bench.add('c', { backing: 'a' }), /^REF-E-OPEN/);
  bench.end(t);
  t.end();
});

t.test(
  'what is made with its parent takes over from it; a backing file is read-only (REF-015, REF-024)',
  (t) => {
    const bench = new Bench('a', 'b', 'c');
    const filename = (name: string): Json => jsonObject({ driver: 'file', filename: `${name}.qbm` });
    const below = { driver: 'qbm', 'node-name': 'below', file: filename('b') };
    t.equal(bench.add('a', { backing: jsonObject(below) }), 'ok');
    t.equal(bench.machine.graph.find('below')!.readOnly, true);
    t.equal(bench.machine.graph.find('below')!.children[0]!.child.readOnly, true);
    t.equal(bench.del('below'), "REF-E-BUSY: Node 'below' is busy: node is used as backing hd of 'a'");
    t.equal(
      bench.add('c', { backing: 'nope' }),
      "REF-E-BACKING: Could not open backing file: Cannot find device='nope' nor node-name='nope'",
    );
    // The data image of a writable image is written to.
    const image = jsonObject({ driver: 'null-co', size: SIZE, 'read-only': true });
    t.equal(
      bench.qmp('blockdev-add', { driver: 'qbm', 'node-name': 'inline', image }),
      'REF-E-NODE-READ-ONLY: Block node is read-only',
    );
    bench.end(t);
    t.end();
  },
);

t.test(
  'permissions are asked for downwards, and conflicts leave everything as it was (REF-021, REF-022, REF-023)',
  (t) => {
    const bench = new Bench('a');
    t.equal(bench.add('a', { backing: null }), 'ok');
    const image = bench.machine.graph.find('a')!.edge('image')!.child;
    const nodes = bench.machine.graph.nodes.map(({ name }) => name);
    t.equal(
      bench.qmp('blockdev-add', { driver: 'qbm', 'node-name': 'thief', image: image.name }),
      `REF-E-CONFLICT: Permission conflict on node '${image.name}': permissions 'write, resize' are both required by node 'a' (uses node '${image.name}' as 'image' child) and unshared by node 'thief' (uses node '${image.name}' as 'image' child).`,
    );
    t.same(
      bench.machine.graph.nodes.map(({ name }) => name),
      nodes,
    );
    // A user that needs nothing but to read may be there.
    t.equal(bench.qmp('blockdev-add', { driver: 'raw', 'node-name': 'reader', file: image.name }), 'ok');
    t.equal(bench.permissions('reader'), ' / consistent read, write, write unchanged, resize');
    bench.end(t);
    t.end();
  },
);
