/** What is looked at when all is done: every member byte by byte, what each layer has, and the chain as its images say it. */
import { imageOf } from '../../../../spec/block/chain/walk.js';
import type { Node } from '../../../../spec/block/node.js';
import { openExisting } from '../../draw/actions.js';
import { members, type Sketch } from '../../draw/sketch.js';
import { readWhole } from '../guest.js';
import { startServer } from '../nbd/server.js';
import { closedImages } from '../persistence.js';
import { heads, images } from './members.js';

const SOCKET = 'socket';
const DEPTH = 'qemu:allocation-depth';

/** Every image, and what is on top of them. */
export function readMembers(sketch: Sketch): void {
  const nodes = new Set<Node>([...heads(sketch), ...images(sketch)]);
  for (const { name } of nodes) readWhole(sketch, name, 12);
}

/** Which layer has what, as a client of an export sees it. */
export function lookAtLayers(sketch: Sketch): void {
  const head = sketch.draw.any(heads(sketch).filter(({ size }) => size > 0));
  if (head === undefined) return;
  if (!sketch.run.machine.exports.isServing) startServer(sketch);
  const id = sketch.fresh('e');
  const added = sketch.qmp('block-export-add', {
    type: 'nbd',
    id,
    'node-name': head.name,
    name: id,
    'allocation-depth': true,
  });
  if (added?.ok !== true) return;
  const connection = sketch.fresh('c');
  sketch.play({
    verb: 'nbd',
    op: 'connect',
    connection,
    socket: SOCKET,
    replies: 'structured',
    export: id,
    contexts: [DEPTH],
  });
  sketch.play({
    verb: 'nbd',
    connection,
    op: 'request',
    request: 'status',
    offset: 0,
    length: head.size,
    flags: [],
    pattern: undefined,
    chunks: false,
  });
  sketch.play({ verb: 'nbd', connection, op: 'disconnect' });
  const answer = sketch.qmp('block-export-del', { id, mode: 'hard' });
  if (answer?.ok === true)
    sketch.play({ verb: 'wait', any: [], event: 'BLOCK_EXPORT_DELETED', match: members({ id }) });
}

/** The program ends, and the uppermost image is opened by itself: what is below it is what the images say. */
export function openBySelf(sketch: Sketch): void {
  const head = sketch.draw.any(
    heads(sketch)
      .map(imageOf)
      .filter(({ name }) => name.startsWith('image')),
  );
  if (head === undefined || sketch.run.jobs.length > 0 || !isWhole(head)) return;
  sketch.play({ verb: 'restart' });
  if (!closedImages(sketch).includes(head.name)) return;
  sketch.play(openExisting(head.name));
  readWhole(sketch, head.name, 16);
  if (head.bitmaps.length > 0) sketch.observe(head.name);
}

/** Whether the images say a chain that comes to an end. */
function isWhole(head: Node): boolean {
  const said = new Set<string>();
  for (let image: Node | null = head; image !== null; ) {
    const stored: string | undefined = image.driver.backing?.stored?.full;
    if (stored === undefined) return image.backing === null;
    if (said.has(stored)) return false;
    said.add(stored);
    image = image.backing === null ? null : imageOf(image.backing);
    if (image === null || image.edge('file')?.child.filename !== stored) return false;
  }
  return true;
}
