/** Mirrors that write where that fails. */
import { chainFrom } from '../../../../spec/block/chain/walk.js';
import type { Node } from '../../../../spec/block/node.js';
import { statusInChain } from '../../../../spec/block/status.js';
import type { Action } from '../../../case/case.js';
import { asksFor } from '../../commands.js';
import { asked } from '../asked.js';
import { hasFaults } from '../faults.js';
import type { ModelRun } from '../model-run.js';

const CLUSTER = 65536;

/**
 * A mirror to a faulty target, of a disk that has zeros stored as data: qcow2 takes a cluster of which a guest makes a part zeros for
 * zeros if the rest is, QBM has it as data. The one is copied by a request for zeros, the other by a write, and a rule is about one of them.
 */
export function mirrorsStoredZeros(run: ModelRun, action: Action): boolean {
  if (run.format !== 'overlay') return false;
  const { graph } = run.machine;
  return asksFor(action, (name, args) => {
    if (name !== 'blockdev-mirror' || !anyBelow(graph.find(String(args.target)), hasFaults)) return false;
    const source = graph.findAny(String(args.device));
    return source !== undefined && canBeRead(source) && hasStoredZeros(run, source);
  });
}

/** Whether it is as before when it was read: no fault is used up, and nothing is copied. */
function canBeRead(source: Node): boolean {
  const changes = (node: Node): boolean => hasFaults(node) || node.driver.name === 'copy-on-read';
  return ![...chainFrom(source)].some((node) => anyBelow(node, changes));
}

function anyBelow(node: Node | undefined, is: (node: Node) => boolean): boolean {
  return node !== undefined && (is(node) || node.children.some(({ child }) => anyBelow(child, is)));
}

function hasStoredZeros({ machine }: ModelRun, node: Node): boolean {
  for (let at = 0; at < node.size; at += CLUSTER) {
    const length = Math.min(CLUSTER, node.size - at);
    const status = asked(() => statusInChain(node, at, length));
    if (status === null) return false;
    if (status.isZero && status.length === length) continue;
    const bytes = machine.io(node.name, { op: 'read', offset: at, length });
    if (typeof bytes !== 'string' && bytes.every((byte) => byte === 0)) return true;
  }
  return false;
}
