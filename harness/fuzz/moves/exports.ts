/** NBD exports and their clients: servers that start and stop, exports that show bitmaps, also those of other nodes. */
import { isJsonObject, type Json } from '../../../spec/json/value.js';
import type { RequestFlag } from '../../case/nbd-step.js';
import type { Draw } from '../draw/draw.js';
import { members, type Sketch } from '../draw/sketch.js';
import type { Move } from './move.js';
import { atLimit, BROKEN, bitmapsOf, someDisk } from './names.js';
import { contextsOf } from './nbd/contexts.js';
import { exportIds, playStart, playStop, SOCKET, startServer, waitForEnd } from './nbd/server.js';
import { anyNode, playRemoval } from './nodes.js';

/** Bytes of a string of the protocol. */
const LONGEST = 4096;

function playAdd(sketch: Sketch): void {
  const { draw } = sketch;
  // Without a server of its own a history would find that of the harness.
  if (!sketch.run.machine.exports.isServing) startServer(sketch);
  const node = anyNode(sketch);
  const bitmaps: Json[] = [];
  for (let count = draw.pick([0, 0, 1, 2, 2]); count > 0; count--) {
    const from = draw.chance(0.3) ? otherNode(sketch, node) : node;
    const left = bitmapsOf(sketch.node(from)).filter(
      (bitmap) => !bitmaps.some((other) => nameIn(other) === bitmap.name),
    );
    const name = draw.any(left)?.name ?? 'b0';
    const one = from === node && draw.chance(0.6) ? name : members({ node: from, name });
    // Which of two contexts of one name is meant is anybody's guess.
    if (!bitmaps.some((other) => nameIn(other) === name)) bitmaps.push(one);
  }
  const id = draw.chance(BROKEN) ? draw.pick([...exportIds(sketch), '0']) : sketch.fresh('e');
  sketch.qmp('block-export-add', {
    type: 'nbd',
    id,
    'node-name': node,
    name: atLimit(sketch, id, LONGEST),
    description: draw.chance(0.2) ? atLimit(sketch, 'a disk', LONGEST) : undefined,
    writable: draw.pick([undefined, true, false]),
    bitmaps: bitmaps.length > 0 ? bitmaps : undefined,
    ...rarely(draw),
  });
}

/** What makes no difference to anybody, or is seen only by who asks for it. */
export function rarely(draw: Draw): { readonly [name: string]: boolean | undefined } {
  return {
    writethrough: draw.chance(0.1) ? draw.chance(0.7) : undefined,
    'fixed-iothread': draw.chance(0.05) ? draw.chance(0.5) : undefined,
    'allocation-depth': draw.chance(0.2) ? draw.chance(0.6) : undefined,
  };
}

/** Another node, one with a bitmap if there is one. */
function otherNode(sketch: Sketch, than: string): string {
  const others = sketch.disks.filter((node) => node.name !== than && bitmapsOf(node).length > 0);
  return sketch.draw.chance(0.8) ? (sketch.draw.any(others)?.name ?? anyNode(sketch)) : anyNode(sketch);
}

/** An export of a node that shows the bitmap of another one, which is made for it if there is none. */
export function playForeign(sketch: Sketch): void {
  const { draw } = sketch;
  if (!sketch.run.machine.exports.isServing) startServer(sketch);
  const node = anyNode(sketch);
  const from = otherNode(sketch, node);
  const there = bitmapsOf(sketch.node(from));
  const name = draw.any(there)?.name ?? 'b0';
  if (there.length === 0) sketch.qmp('block-dirty-bitmap-add', { node: from, name });
  const id = sketch.fresh('e');
  const bitmaps = [members({ node: from, name })];
  sketch.qmp('block-export-add', { type: 'nbd', id, 'node-name': node, name: id, bitmaps });
}

function nameIn(bitmap: Json): Json | undefined {
  return isJsonObject(bitmap) ? bitmap.name : bitmap;
}

function playDel(sketch: Sketch): void {
  const { draw } = sketch;
  const id = draw.chance(BROKEN) ? 'none' : draw.any(exportIds(sketch));
  if (id === undefined) return;
  const node = sketch.run.machine.exports.all.find((one) => one.id === id)?.edge.child;
  const mode = draw.pick([undefined, 'safe', 'hard']);
  const answer = draw.chance(0.3)
    ? sketch.qmp('nbd-server-remove', { name: id, mode })
    : sketch.qmp('block-export-del', { id, mode });
  if (answer?.ok !== true) return;
  waitForEnd(sketch, id);
  // Nobody has it any more, so it goes.
  if (node?.parents.length === 0 && draw.chance(0.4)) playRemoval(sketch, node.name);
}

/** A client of an export: it connects, asks for something, and mostly goes away. */
export function playClient(sketch: Sketch, isAllocationKnown = false): void {
  const { draw, run } = sketch;
  const own = run.machine.exports.all.filter(({ id }) => id.startsWith('e'));
  // Of several bitmaps a client may be shown one in the place of another.
  const several = draw.chance(0.4) ? draw.any(own.filter(({ bitmaps }) => bitmaps.length > 1)) : undefined;
  const one = several ?? draw.any(own);
  if (one === undefined || !run.machine.exports.isServing) return;
  const connection = sketch.fresh('c');
  const shown = contextsOf(sketch, one, isAllocationKnown);
  const replies = draw.pick(['structured', 'structured', 'simple'] as const);
  const connected = sketch.play({
    verb: 'nbd',
    op: 'connect',
    connection,
    socket: SOCKET,
    replies,
    export: one.name,
    contexts: replies === 'simple' ? [] : shown,
  });
  if (connected === null) return;
  const base = { verb: 'nbd', connection } as const;
  for (let count = draw.int(1, 3); count > 0; count--) {
    if (one.size === 0) break;
    const isStatus = replies === 'structured' && shown.length > 0 && draw.chance(0.5);
    const offset = draw.chance(0.5) ? 0 : draw.int(0, one.size - 1);
    const length = Math.min(one.size - offset, draw.pick([512, 65536, 2 ** 20, 2 ** 25]));
    const flags: RequestFlag[] = isStatus
      ? draw.pick([[], [], ['one']])
      : replies === 'structured'
        ? draw.pick([[], ['df']])
        : [];
    sketch.play({
      ...base,
      op: 'request',
      request: isStatus ? 'status' : 'read',
      offset,
      length,
      flags,
      pattern: undefined,
      chunks: false,
    });
  }
  if (draw.chance(0.8)) sketch.play({ ...base, op: 'disconnect' });
}

/**
 * `nbd-server-add`, which takes a device as well as a node, and one bitmap by its name alone.
 * @param bitmaps those that its node has
 */
export function playOld(sketch: Sketch, device: string, bitmaps: readonly { readonly name: string }[]): void {
  const { draw } = sketch;
  if (!sketch.run.machine.exports.isServing) startServer(sketch);
  const id = draw.chance(BROKEN) ? draw.pick([...exportIds(sketch), '0']) : sketch.fresh('e');
  const bitmap = draw.chance(0.1) ? draw.pick(['b0', 'none', '']) : draw.any(bitmaps)?.name;
  sketch.qmp('nbd-server-add', {
    device,
    name: atLimit(sketch, id, LONGEST),
    description: draw.chance(0.1) ? atLimit(sketch, 'an old disk', LONGEST) : undefined,
    writable: draw.pick([undefined, true, true, false]),
    bitmap: draw.chance(0.5) ? bitmap : undefined,
  });
}

export const EXPORT_MOVES: readonly Move[] = [
  { name: 'start server', weight: 1, make: playStart },
  { name: 'stop server', weight: 0.4, make: playStop },
  { name: 'add export', weight: 3, make: playAdd },
  { name: 'del export', weight: 2, make: playDel },
  { name: 'client', weight: 2, make: (sketch) => playClient(sketch) },
  { name: 'query exports', weight: 1, make: (sketch) => void sketch.qmp('query-block-exports') },
  {
    name: 'export of the old kind',
    weight: 0.5,
    make(sketch) {
      const node = someDisk(sketch)?.name;
      if (node !== undefined) playOld(sketch, node, bitmapsOf(sketch.node(node)));
    },
  },
];
