/**
 * Filters of QEMU that take the size of their child from where it remembers it: what was resized below that is not there yet.
 */
import { Node } from '../../../spec/block/node.js';
import { isJsonObject } from '../../../spec/json/value.js';
import type { Action } from '../../case/case.js';
import type { ModelRun } from '../draw/model-run.js';

/** Nodes above one that got another size, in a history. */
const told = new WeakMap<ModelRun, Set<string>>();

const COPIES = /^(snapshot-access|copy-before-write)$/;

/** Whether such a filter is opened over a node that may remember another size. Told of every step, in order. */
export function opensOverStale(run: ModelRun, action: Action): boolean {
  if (action.verb !== 'qmp') return false;
  const stale = told.get(run) ?? new Set<string>();
  told.set(run, stale);
  const { command, arguments: args = {} } = action;
  if (/^(block_resize|block-commit|blockdev-(snapshot|reopen))$|^transaction$/.test(command)) {
    for (const { name, driver } of run.nodes) if (/^(raw|copy-on-read)$/.test(driver.name)) stale.add(name);
  }
  return command === 'blockdev-add' && COPIES.test(String(args.driver)) && stale.has(String(args.file));
}

/** What is below a part of a disk becomes another node: an overlay of another size, or any by reopening. */
export function cutsPart({ machine: { graph } }: ModelRun, action: Action): boolean {
  if (action.verb !== 'qmp') return false;
  const { node, overlay, options } = action.arguments ?? {};
  if (action.command === 'blockdev-reopen' && Array.isArray(options)) {
    const names = options.filter(isJsonObject).map((one) => graph.find(String(one['node-name'])));
    return names.some((one) => one !== undefined && hasPart(one));
  }
  if (action.command !== 'blockdev-snapshot') return false;
  const [below, above] = [graph.find(String(node)), graph.find(String(overlay))];
  return below !== undefined && above !== undefined && below.size !== above.size && hasPart(below);
}

function hasPart({ parents }: Node): boolean {
  return parents.some(({ parent }) => {
    if (!(parent instanceof Node)) return false;
    const { size, offset } = parent.driver.describe();
    return size !== undefined || offset !== undefined || hasPart(parent);
  });
}
