/** Clients that do more than read: they shake hands at length, and write while others look; and servers that have a place for few. */
import type { RequestFlag } from '../../../case/nbd-step.js';
import { CLUSTER } from '../../draw/edges.js';
import { members, qmpAction, type Sketch } from '../../draw/sketch.js';
import { bitmapsOf } from '../names.js';
import { contextsOf } from './contexts.js';
import { playStop, SOCKET, startServer } from './server.js';

const CHANGES = {
  overlay: ['write', 'write', 'write', 'trim', 'zero'],
  raw: ['write', 'write', 'write', 'trim'],
} as const;

type Shown = Sketch['run']['machine']['exports']['all'][number];

/** Those of the history. */
function exportsOf({ run }: Sketch): readonly Shown[] {
  return run.machine.exports.all.filter(({ id }) => id.startsWith('e'));
}

/** A client asks what there is before it chooses an export, or goes, or stays where it is. Returns its connection. */
export function playHandshake(sketch: Sketch): string | null {
  const { draw, run } = sketch;
  if (!run.machine.exports.isServing) return null;
  const connection = sketch.fresh('c');
  const base = { verb: 'nbd', connection } as const;
  const replies = draw.pick(['structured', 'simple'] as const);
  const connected = sketch.play({
    ...base,
    op: 'connect',
    socket: SOCKET,
    replies,
    export: null,
    contexts: [],
  });
  if (connected === null) return null;
  const name = draw.any(exportsOf(sketch))?.name ?? 'none';
  const named = draw.chance(0.1) ? draw.pick(['none', '']) : name;
  for (let count = draw.int(0, 3); count > 0; count--) {
    const queries = draw.pick([
      [],
      ['base:'],
      ['qemu:'],
      ['qemu:dirty-bitmap:'],
      ['base:allocation', 'qemu:allocation-depth', 'qemu:dirty-bitmap:b0'],
      ['nobody:knows'],
    ]);
    switch (draw.int(0, 4)) {
      case 0:
        sketch.play({ ...base, op: 'list' });
        break;
      case 1:
        sketch.play({ ...base, op: 'info', export: named });
        break;
      case 2:
        sketch.play({ ...base, op: 'contexts', export: named, queries });
        break;
      case 3:
        sketch.play({ ...base, op: 'choose', export: named, queries });
        break;
      default:
        sketch.play({ ...base, op: 'option', option: draw.pick([5, 99]), hex: '' });
    }
  }
  if (draw.chance(0.5)) sketch.play({ ...base, op: 'go', export: named });
  if (run.client(connection) !== undefined) return connection;
  // Where a server cannot end beside somebody who stays in the handshake, nobody stays.
  if (draw.chance(0.5) && !sketch.goesAround(qmpAction('nbd-server-stop'))) return connection;
  sketch.play({ ...base, op: 'option', option: 2, hex: '' });
  sketch.play({ ...base, op: 'ended' });
  return null;
}

/** Whole clusters of a writable export: what a file system makes of less is its own business. Another one may read at once. */
export function playWriter(sketch: Sketch): void {
  const { draw, run } = sketch;
  if (!run.machine.exports.isServing) return;
  const writable = exportsOf(sketch).filter((one) => one.isWritable && one.size >= CLUSTER);
  const one = draw.any(writable.filter(({ bitmaps }) => bitmaps.length > 0)) ?? draw.any(writable);
  if (one === undefined) return;
  const connection = sketch.fresh('c');
  const base = { verb: 'nbd', connection } as const;
  const contexts = contextsOf(sketch, one, true);
  const connected = sketch.play({
    ...base,
    op: 'connect',
    socket: SOCKET,
    replies: 'structured',
    export: one.name,
    contexts,
  });
  if (connected === null) return;
  const clusters = Math.floor(one.size / CLUSTER);
  for (let count = draw.int(1, 3); count > 0; count--) {
    const first = draw.int(0, clusters - 1);
    const range = { offset: first * CLUSTER, length: CLUSTER * draw.int(1, Math.min(4, clusters - first)) };
    // Whether zeros that keep their place in a file are a hole is for its file system to say.
    const request = draw.pick(CHANGES[sketch.format === 'overlay' ? 'overlay' : 'raw']);
    const flags: RequestFlag[] = [];
    if (draw.chance(0.2)) flags.push('fua');
    if (request === 'zero' && draw.chance(0.5)) flags.push('no-hole');
    const asked = { ...base, op: 'request', ...range, chunks: false } as const;
    const pattern = request === 'write' ? draw.int(1, 255) : undefined;
    sketch.play({ ...asked, request, flags, pattern });
    if (draw.chance(0.5)) sketch.play({ ...asked, request: 'status', flags: [], pattern: undefined });
  }
  if (draw.chance(0.2))
    sketch.play({
      ...base,
      op: 'request',
      request: 'flush',
      offset: 0,
      length: 0,
      flags: [],
      pattern: undefined,
      chunks: false,
    });
  if (draw.chance(0.8)) sketch.play({ ...base, op: 'disconnect' });
}

/**
 * A server for one or two clients, which is full now and then, and ends with whoever is there. The harness has no place there, so
 * nothing else is looked at meanwhile.
 */
export function playFewPlaces(sketch: Sketch, client: (sketch: Sketch) => void): void {
  const { draw, run } = sketch;
  if (run.machine.exports.isServing) playStop(sketch);
  startServer(sketch, draw.pick([1, 1, 2]));
  for (const { name, size } of sketch.disks) {
    if (size === 0 || !draw.chance(0.7)) continue;
    const id = sketch.fresh('e');
    const bitmap = draw.any(bitmapsOf(sketch.node(name)))?.name;
    sketch.qmp('block-export-add', {
      type: 'nbd',
      id,
      'node-name': name,
      name: id,
      writable: draw.pick([undefined, true]),
      bitmaps: bitmap === undefined ? undefined : [members({ node: name, name: bitmap })],
    });
  }
  for (let count = draw.int(2, 4); count > 0; count--) {
    const visit = draw.pick([client, client, playWriter, (one: Sketch) => leave(one, playHandshake(one))]);
    visit(sketch);
  }
  playStop(sketch);
}

/** Who is in the handshake still has a place until the server ends; who has chosen an export leaves, mostly. */
function leave(sketch: Sketch, connection: string | null): void {
  if (connection === null || sketch.run.client(connection) === undefined || sketch.draw.chance(0.2)) return;
  sketch.play({ verb: 'nbd', connection, op: 'disconnect' });
}
