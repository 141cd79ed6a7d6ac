/** The commands on bitmaps, by themselves and as actions of a transaction. */
import type { Json, JsonObject } from '../../../spec/json/value.js';
import { granularity } from '../draw/edges.js';
import { members, type Sketch } from '../draw/sketch.js';
import type { Move } from './move.js';
import { BROKEN, bitmapName, bitmapsOf, newBitmapName, nodeName, nodeWithBitmaps } from './names.js';

/** A command on bitmaps without its prefix, with its arguments. */
export interface BitmapCommand {
  readonly verb: 'add' | 'remove' | 'clear' | 'enable' | 'disable' | 'merge' | 'set-persistent';
  readonly args: JsonObject;
}

const PREFIX = 'block-dirty-bitmap-';

/** @param mayPersist whether the format keeps bitmaps */
export function drawAdd(sketch: Sketch): BitmapCommand {
  const { draw } = sketch;
  const node = nodeName(sketch);
  const size = sketch.node(node)?.size ?? 0;
  const persistent = sketch.format === 'overlay' ? draw.chance(0.4) : draw.chance(BROKEN);
  const args = members({
    node,
    name: newBitmapName(sketch, node),
    granularity: draw.chance(0.2) ? undefined : granularity(draw, size),
    persistent: persistent ? true : draw.pick([undefined, undefined, false]),
    disabled: draw.chance(0.15) ? true : draw.chance(0.1) ? false : undefined,
  });
  return { verb: 'add', args };
}

export function drawOnOne(sketch: Sketch, verb: 'remove' | 'clear' | 'enable' | 'disable'): BitmapCommand {
  const node = nodeWithBitmaps(sketch);
  return { verb, args: members({ node, name: bitmapName(sketch, node) }) };
}

export function drawMerge(sketch: Sketch): BitmapCommand {
  const { draw } = sketch;
  const node = nodeWithBitmaps(sketch);
  const sources: Json[] = [];
  const count = draw.chance(0.03) ? 0 : draw.int(1, draw.chance(0.3) ? 4 : 1);
  for (let index = 0; index < count; index++) {
    const isElsewhere = draw.chance(0.25);
    const from = isElsewhere ? nodeWithBitmaps(sketch) : node;
    const name = bitmapName(sketch, from);
    sources.push(from === node && draw.chance(0.7) ? name : members({ node: from, name }));
  }
  return { verb: 'merge', args: members({ node, target: bitmapName(sketch, node), bitmaps: sources }) };
}

/** A command that QEMU does not have. */
const SET_PERSISTENT = `${PREFIX}set-persistent`;

function drawSetPersistent(sketch: Sketch): BitmapCommand {
  const node = nodeWithBitmaps(sketch);
  const args = members({ node, name: bitmapName(sketch, node), persistent: sketch.draw.chance(0.6) });
  return { verb: 'set-persistent', args };
}

/** Any command on bitmaps. */
export function drawAny(sketch: Sketch): BitmapCommand {
  if (sketch.can(`command:${SET_PERSISTENT}`) && sketch.draw.chance(0.06)) return drawSetPersistent(sketch);
  const index = sketch.draw.weighted([3, 2, 3, 2, 2, 4]);
  const verbs = ['remove', 'clear', 'enable', 'disable'] as const;
  if (index === 0) return drawAdd(sketch);
  if (index === 5) return drawMerge(sketch);
  return drawOnOne(sketch, verbs[index - 1]!);
}

export function playCommand(sketch: Sketch, { verb, args }: BitmapCommand): void {
  sketch.qmp(`${PREFIX}${verb}`, args);
}

/** As it stands among the actions of a transaction. */
export function asAction({ verb, args }: BitmapCommand): JsonObject {
  return members({ type: `${PREFIX}${verb}`, data: args });
}

/**
 * Actions of which later ones may be about what earlier ones make: the same bitmap is added, used and removed at once.
 */
export function drawActions(sketch: Sketch): JsonObject[] {
  const { draw } = sketch;
  const actions: JsonObject[] = [];
  const count = draw.int(1, draw.pick([1, 2, 3, 3, 6]));
  let last: JsonObject | null = null;
  for (let index = 0; index < count; index++) {
    const command = drawAny(sketch);
    // several actions on one bitmap
    const { node, name } = (last ?? {}) as { node?: Json; name?: Json };
    const follows = node !== undefined && name !== undefined && draw.chance(0.5);
    const args = follows ? onBitmap(command, node, name) : command.args;
    last = args;
    actions.push(asAction({ verb: command.verb, args }));
  }
  if (draw.chance(0.25)) {
    actions.splice(draw.int(0, actions.length), 0, members({ type: 'abort', data: members({}) }));
  }
  return actions;
}

function onBitmap({ verb, args }: BitmapCommand, node: Json, name: Json): JsonObject {
  if (verb === 'merge') return members({ ...args, node, target: name });
  return members({ ...args, node, name });
}

/** The bitmaps of the nodes that a transaction is about, before and after it. */
export function playTransaction(sketch: Sketch, actions: JsonObject[], isObserved: boolean): void {
  const { draw } = sketch;
  const nodes = isObserved ? nodesOf(sketch, actions) : [];
  const properties = draw.chance(0.06)
    ? members({ 'completion-mode': draw.pick(['individual', 'grouped']) })
    : undefined;
  const answer = sketch.qmp('transaction', { actions, properties });
  if (answer === null) return;
  for (const node of nodes) sketch.observe(node);
}

function nodesOf(sketch: Sketch, actions: readonly JsonObject[]): string[] {
  const names = actions.map(({ data }) => String((data as JsonObject).node ?? ''));
  return [...new Set(names)].filter((name) => sketch.node(name) !== undefined);
}

export const BITMAP_MOVES: readonly Move[] = [
  { name: 'add', weight: 4, make: (sketch) => playCommand(sketch, drawAdd(sketch)) },
  { name: 'remove', weight: 1, make: (sketch) => playCommand(sketch, drawOnOne(sketch, 'remove')) },
  { name: 'clear', weight: 2, make: (sketch) => playCommand(sketch, drawOnOne(sketch, 'clear')) },
  { name: 'enable', weight: 1.5, make: (sketch) => playCommand(sketch, drawOnOne(sketch, 'enable')) },
  { name: 'disable', weight: 1.5, make: (sketch) => playCommand(sketch, drawOnOne(sketch, 'disable')) },
  { name: 'merge', weight: 5, make: (sketch) => playCommand(sketch, drawMerge(sketch)) },
  {
    name: 'sha256',
    weight: 2,
    make(sketch) {
      const node = nodeWithBitmaps(sketch);
      sketch.qmp('x-debug-block-dirty-bitmap-sha256', { node, name: bitmapName(sketch, node) });
    },
  },
  {
    name: 'transaction',
    weight: 2,
    make: (sketch) => playTransaction(sketch, drawActions(sketch), sketch.draw.chance(0.3)),
  },
];

/** What is seen of every bitmap: for the end of a history. */
export function observeAll(sketch: Sketch): void {
  for (const node of [...sketch.disks]) if (bitmapsOf(node).length > 0) sketch.observe(node.name);
}
