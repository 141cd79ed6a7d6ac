/** Known triggers that are about nodes which ask for whole blocks, or for requests in pieces. */

import { wayOf } from '../../../spec/block/held/route.js';
import { limitsOf, optDiscardOf, pieceOf } from '../../../spec/block/limits/limits.js';
import type { Node } from '../../../spec/block/node.js';
import { isJsonObject, type Json, type JsonObject } from '../../../spec/json/value.js';
import type { Action } from '../../case/case.js';
import { asksFor, definitionsIn, nameIn } from '../commands.js';
import { asked } from '../draw/asked.js';
import { CLUSTER } from '../draw/edges.js';
import type { ModelRun } from '../draw/model-run.js';

/** A guest gives up a part of a block. */
export function discardsPart({ machine }: ModelRun, action: Action): boolean {
  if (action.verb !== 'io' || action.request.op !== 'discard') return false;
  const { offset, length } = action.request;
  const node = machine.graph.find(action.node);
  if (node === undefined || length === 0) return false;
  const way = asked(() => [...wayOf(node, { op: 'discard', offset, length })]) ?? [];
  for (const { node: at, passing } of way) {
    if (at.options.discard === 'ignore' || !at.driver.canDiscard) return false;
    if (passing.op === 'discard' && endsQemu(at, passing.offset, passing.length)) return true;
  }
  return false;
}

/** What QEMU makes of a discard for a node, and whether blkdebug asserts something else of it, or divides by 0. */
function endsQemu(node: Node, offset: number, length: number): boolean {
  const align = limitsOf(node).align ?? 1;
  if (align === 1) return false;
  const best = optDiscardOf(node);
  const block = Math.max(best, align);
  let tail = (offset + length) % block;
  const end = offset + length;
  for (let at = offset; at < end; ) {
    let piece = end - at;
    const head = at % block;
    if (head > 0) {
      piece = Math.min(piece, block - head);
      if (piece % align !== 0) piece %= align;
    } else if (tail > 0) {
      if (piece > block) piece -= tail;
      else if (tail % align !== 0 && tail > align) {
        tail %= align;
        piece -= tail;
      }
    }
    if (isRefused(at, piece, align, best)) return true;
    at += piece;
  }
  return false;
}

function isRefused(at: number, piece: number, align: number, best: number): boolean {
  if (piece >= align) return at % align !== 0 || piece % align !== 0;
  if (best === 0) return true;
  const isWithin = Math.ceil(at / best) === Math.ceil((at + piece) / best);
  return !(at % best === 0 || (at + piece) % best === 0 || isWithin);
}

/** A node that asks for larger blocks than the one below takes at once, or cuts discards to less than that one wants them. */
export function stacksLimits({ machine }: ModelRun, action: Action): boolean {
  return asksFor(
    action,
    (name, args) =>
      name === 'blockdev-add' &&
      [...definitionsIn(args)].some((one) => {
        if (one.driver !== 'blkdebug') return false;
        const below = machine.graph.find(nameIn(one.image));
        return below !== undefined && goesNotTogether(one, below);
      }),
  );
}

function goesNotTogether(one: JsonObject, below: Node): boolean {
  const given = (name: string): number => Number(one[name] ?? 0);
  const most = pieceOf(below);
  const isCut =
    given('max-transfer') === 0 && most < Number.POSITIVE_INFINITY && most % Math.max(1, given('align')) > 0;
  const isDiscard =
    given('opt-discard') === 0 && given('max-discard') > 0 && cutAt(below) > given('max-discard');
  return isCut || isDiscard;
}

/** What discards are cut at there: images of qcow2 want whole clusters. */
function cutAt(node: Node): number {
  const own = limitsOf(node).optDiscard;
  if (own !== undefined) return own;
  return node.driver.name === 'qbm'
    ? CLUSTER
    : Math.max(0, ...node.children.map(({ child }) => cutAt(child)));
}

/** Blocks, and faults of reads at or below the node that asks for them: what is around a part of one may not be read. */
export function readsAroundFaults({ machine }: ModelRun, action: Action): boolean {
  return asksFor(
    action,
    (name, args) =>
      name === 'blockdev-add' &&
      [...definitionsIn(args)].some(
        (one) =>
          one.driver === 'blkdebug' &&
          Number(one.align ?? 0) > 1 &&
          [...definitionsIn(one)].some(
            (at) =>
              failReads(at['inject-error']) ||
              ['file', 'image', 'target'].some((part) =>
                hasFaultyReads(machine.graph.find(nameIn(at[part]))),
              ),
          ),
      ),
  );
}

function failReads(rules: Json | undefined): boolean {
  if (!Array.isArray(rules)) return false;
  return rules.some((rule) => isJsonObject(rule) && /^(read|undefined)$/.test(String(rule.iotype)));
}

function hasFaultyReads(node: Node | undefined): boolean {
  if (node === undefined) return false;
  const options = node.driver.describe();
  const own = Object.keys(options).some((name) => {
    const rule = /^(inject-error\.\d+)\.event$/.exec(name)?.[1];
    return rule !== undefined && /^(read|undefined)$/.test(String(options[`${rule}.iotype`]));
  });
  return own || node.children.some(({ child }) => hasFaultyReads(child));
}
