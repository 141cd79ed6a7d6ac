/**
 * Filters of QEMU that take the size of their child from where it remembers it: what was resized below that is not there yet.
 */
import { Node } from '../../../spec/block/node.js';
import type { Action } from '../../case/case.js';
import { definitionsIn, nameIn, reopenedBy } from '../commands.js';
import type { ModelRun } from '../draw/model-run.js';
import { overlaidOtherwise } from './step/overlay.js';

/** The sizes that nodes had at first, in a history, and which of them have had another one. Bytes. */
interface Told {
  readonly first: Map<string, number>;
  readonly stale: Set<string>;
}

const told = new WeakMap<ModelRun, Told>();

const COPIES = /^(snapshot-access|copy-before-write)$/;

/** Whether such a filter is opened over a node that may remember another size. Told of every step, in order. */
export function opensOverStale(run: ModelRun, action: Action): boolean {
  if (action.verb !== 'qmp') return false;
  const { first, stale } = told.get(run) ?? { first: new Map(), stale: new Set() };
  told.set(run, { first, stale });
  for (const { name, driver, size } of run.nodes) {
    if (!/^(raw|copy-on-read)$/.test(driver.name)) continue;
    if (!first.has(name)) first.set(name, size);
    else if (first.get(name) !== size) stale.add(name);
  }
  const { command, arguments: args = {} } = action;
  if (command !== 'blockdev-add') return false;
  return [...definitionsIn(args)].some(
    ({ driver, file }) => COPIES.test(String(driver)) && stale.has(nameIn(file)),
  );
}

/** What is below a part of a disk becomes another node: an overlay of another size, or any by reopening. */
export function cutsPart(run: ModelRun, action: Action): boolean {
  if (action.verb !== 'qmp') return false;
  const { graph } = run.machine;
  if (action.command === 'blockdev-reopen') {
    const nodes = reopenedBy(action).map((one) => graph.find(String(one['node-name'])));
    return nodes.some((one) => one !== undefined && hasPart(one));
  }
  return [...overlaidOtherwise(run, action)].some(hasPart);
}

function hasPart({ parents }: Node): boolean {
  return parents.some(({ parent }) => {
    if (!(parent instanceof Node)) return false;
    const { size, offset } = parent.driver.describe();
    return size !== undefined || offset !== undefined || hasPart(parent);
  });
}
