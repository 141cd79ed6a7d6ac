/**
 * Zeros that a guest has asked for in files: those of whole pages are holes. Of others a file system may still have something of a page in
 * memory, and say that there are data: ext4 does after a write with FUA.
 */
import type { Node } from '../../../../spec/block/node.js';
import type { Action } from '../../../case/case.js';
import { commandsOf } from '../../commands.js';
import { PAGE } from '../edges.js';
import { isFaulty } from '../faults.js';
import type { ModelRun } from '../model-run.js';

const COPIES = /^((blockdev|drive)-(backup|mirror)|block-(commit|stream))$/;

export class Holes {
  readonly #vague = new Set<Node>();

  /** After each step. */
  see({ machine: { graph } }: ModelRun, action: Action): void {
    if (action.verb !== 'io' || (action.request.op !== 'zero' && action.request.op !== 'discard')) return;
    const { offset, length } = action.request;
    if (offset % PAGE === 0 && (offset + length) % PAGE === 0) return;
    const node = graph.find(action.node);
    if (node !== undefined) for (const one of withBelow(node)) this.#vague.add(one);
  }

  /** Whether such zeros are copied to where a write, or a request for zeros, fails: which of them copies is luck. */
  areCopiedToFault({ machine: { graph }, format }: ModelRun, action: Action): boolean {
    if (format !== 'raw' || this.#vague.size === 0) return false;
    return commandsOf(action).some(({ name, args }) => {
      if (!COPIES.test(name)) return false;
      const named = Object.values(args).flatMap((one) => (typeof one === 'string' ? graph.findAny(one) : []));
      const nodes = named.filter((one) => one !== undefined);
      return (
        nodes.some(isFaulty) && nodes.some((one) => [...withBelow(one)].some((each) => this.#vague.has(each)))
      );
    });
  }
}

/** The node, and what it has its bytes from. */
function* withBelow(node: Node): Generator<Node> {
  yield node;
  for (const { child } of node.children) yield* withBelow(child);
}
