/** What freezes links, and what cannot be frozen. CHAINS.md, REF-044; FILTERS.md, REF-081. */
import t from 'tap';
import { ImageChain } from '../../job/chain-for-tests.js';
import { QmpError } from '../../qmp/errors.js';
import { freeze } from './frozen.js';
import { linkBelow } from './walk.js';

const layer = { size: 65536, content: [] };

t.test('a filter that has to be able to go is not frozen (REF-044)', (t) => {
  const chain = new ImageChain([layer, layer, layer]);
  const args = { 'job-id': 'j0', device: 'n2', 'top-node': 'n1', 'filter-node-name': 'filter' };
  chain.execute('block-commit', { ...args, 'auto-finalize': false });
  const { graph } = chain.machine;
  const [top, base] = [graph.find('n2')!, graph.find('n0')!];
  t.throws(() => freeze(linkBelow(top)!, base), /Cannot freeze 'backing' link/, 'on the way is the filter');
  t.throws(
    () => freeze(linkBelow(graph.find('n1')!)!, base),
    /Cannot change 'backing' link from 'n1'/,
    'it is frozen by the job',
  );
  chain.machine.settle();
  chain.execute('job-cancel', { id: 'j0' });
  freeze(linkBelow(top)!, base)();
  t.notOk(linkBelow(top)!.isFrozen, 'and thawed');
  chain.verify();
  t.end();
});

t.test('a bottom that is not below the filter is refused (REF-081)', (t) => {
  const chain = new ImageChain([layer, layer]);
  const options = { driver: 'copy-on-read', 'node-name': 'filter', file: 'n0', bottom: 'n1' };
  const add = (): unknown => chain.execute('blockdev-add', options);
  t.throws(
    add,
    new QmpError('REF-E-BOTTOM-CHAIN', 'GenericError', "Bottom node 'n1' is not in the chain of 'n0'"),
  );
  chain.verify();
  t.end();
});
