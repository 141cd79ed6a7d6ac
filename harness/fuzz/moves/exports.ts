/** NBD exports and their clients: servers that start and stop, exports that show bitmaps, also those of other nodes. */
import { isJsonObject, type Json } from '../../../spec/json/value.js';
import type { RequestFlag } from '../../case/nbd-step.js';
import { members, type Sketch } from '../draw/sketch.js';
import type { Move } from './move.js';
import { atLimit, BROKEN, bitmapsOf, someDisk } from './names.js';
import { anyNode, playRemoval } from './nodes.js';

const SOCKET = 'socket';

/** Bytes of a string of the protocol. */
const LONGEST = 4096;

export function startServer(sketch: Sketch): void {
  sketch.qmp('nbd-server-start', { addr: members({ type: 'unix', data: members({ path: `$${SOCKET}` }) }) });
}

/** The ids of the exports that there are. */
function exportIds(sketch: Sketch): string[] {
  return sketch.run.machine.exports.all.map(({ id }) => id);
}

function playAdd(sketch: Sketch): void {
  const { draw } = sketch;
  // Without a server of its own a history would find that of the harness.
  if (!sketch.run.machine.exports.isServing) startServer(sketch);
  const node = anyNode(sketch);
  const bitmaps: Json[] = [];
  for (let count = draw.pick([0, 0, 1, 2, 2]); count > 0; count--) {
    const from = draw.chance(0.3) ? otherNode(sketch, node) : node;
    const name = draw.any(bitmapsOf(sketch.node(from)))?.name ?? 'b0';
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
  });
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

/** An export that goes, goes later than the reply to its command. */
function playDel(sketch: Sketch): void {
  const { draw } = sketch;
  const id = draw.chance(BROKEN) ? 'none' : draw.any(exportIds(sketch));
  if (id === undefined) return;
  const node = sketch.run.machine.exports.all.find((one) => one.id === id)?.edge.child;
  const answer = sketch.qmp('block-export-del', { id, mode: draw.pick([undefined, 'safe', 'hard']) });
  if (answer?.ok !== true) return;
  waitForEnd(sketch, id);
  // Nobody has it any more, so it goes.
  if (node?.parents.length === 0 && draw.chance(0.4)) playRemoval(sketch, node.name);
}

function waitForEnd(sketch: Sketch, id: string): void {
  sketch.play({ verb: 'wait', any: [], event: 'BLOCK_EXPORT_DELETED', match: members({ id }) });
}

function playStop(sketch: Sketch): void {
  const ids = exportIds(sketch);
  const answer = sketch.qmp('nbd-server-stop');
  if (answer?.ok === true) for (const id of ids) waitForEnd(sketch, id);
}

/** A client of an export: it connects, asks for something, and mostly goes away. */
export function playClient(sketch: Sketch, isAllocationKnown = false): void {
  const { draw, run } = sketch;
  const one = draw.any(run.machine.exports.all.filter(({ id }) => id.startsWith('e')));
  if (one === undefined || !run.machine.exports.isServing) return;
  const connection = sketch.fresh('c');
  const shown = one.contexts
    .map(({ name }) => name)
    .filter((name) => isAllocationKnown || name !== 'base:allocation');
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

export const EXPORT_MOVES: readonly Move[] = [
  { name: 'start server', weight: 1, make: startServer },
  { name: 'stop server', weight: 0.4, make: playStop },
  { name: 'add export', weight: 3, make: playAdd },
  { name: 'del export', weight: 2, make: playDel },
  { name: 'client', weight: 2, make: (sketch) => playClient(sketch) },
  { name: 'query exports', weight: 1, make: (sketch) => void sketch.qmp('query-block-exports') },
  {
    name: 'export of the old kind',
    weight: 0.3,
    make(sketch) {
      const node = someDisk(sketch)?.name;
      if (!sketch.run.machine.exports.isServing) startServer(sketch);
      if (node !== undefined) sketch.qmp('nbd-server-add', { device: node, name: sketch.fresh('e') });
    },
  },
];
