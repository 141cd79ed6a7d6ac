/** Jobs that read where that fails. */
import type { Node } from '../../../../spec/block/node.js';
import { statusInChain } from '../../../../spec/block/status.js';
import type { Action } from '../../../case/case.js';
import { asksFor } from '../../commands.js';
import { asked } from '../asked.js';
import { canFailToRead, repeatsFaults } from '../faults.js';
import type { ModelRun } from '../model-run.js';
import { hasHole } from './pieces.js';

/** A backup of a disk with holes that cannot be read everywhere: whether a hole is read, depends on what the file system below says of it. */
export function backsUpFaultyHoles({ machine: { graph }, format }: ModelRun, action: Action): boolean {
  return asksFor(action, (name, { device }) => {
    const source = /-backup$/.test(name) ? graph.findAny(String(device)) : undefined;
    if (source === undefined || !canFailToRead(source)) return false;
    return format === 'raw' ? hasHole(source, 0, source.size) : hasHoles(source);
  });
}

function hasHoles(node: Node): boolean {
  for (let at = 0; at < node.size; ) {
    const here = at;
    const status = asked(() => statusInChain(node, here, node.size - here));
    // What cannot be asked is not read either.
    if (status === null) return false;
    if (status.isZero) return true;
    at += status.length;
  }
  return false;
}

const POLICIES = ['on-error', 'on-source-error', 'on-target-error'];

/** A job that ignores an error which comes again and again goes on for ever. */
export function isEndless({ machine: { graph } }: ModelRun, action: Action): boolean {
  return asksFor(action, (_, args) => {
    if (!POLICIES.some((policy) => args[policy] === 'ignore')) return false;
    return [args.device, args.target].some((name) => {
      const node = typeof name === 'string' ? graph.findAny(name) : undefined;
      return node !== undefined && repeatsFaults(node);
    });
  });
}
