/** Known triggers of moments: nodes that show what a disk had when it began to copy before writes. */
import { uses } from '../../../spec/block/change.js';
import type { Node } from '../../../spec/block/node.js';
import type { Action } from '../../case/case.js';
import { commandsOf } from '../commands.js';
import { asked } from '../draw/asked.js';
import type { ModelRun } from '../draw/model-run.js';
import { STARTS_JOB } from './together.js';

/** Bytes. */
interface Part {
  readonly offset: number;
  readonly length: number;
}

/** What is read of a node. */
interface Reading extends Part {
  readonly node: Node;
  /** it is answered as a whole, not by what is stored together */
  readonly isInOnePiece: boolean;
}

/** What a step reads of nodes, or asks the status of. */
function* readingsOf(run: ModelRun, action: Action): Generator<Reading> {
  const { graph } = run.machine;
  if (action.verb === 'io') {
    const node = graph.find(action.node);
    const { request } = action;
    if (node === undefined || request.op !== 'read') return;
    yield { node, offset: request.offset, length: request.length, isInOnePiece: false };
  }
  if (action.verb === 'nbd' && action.op === 'request') {
    const client = run.client(action.connection);
    if (client === undefined || !/^(read|status|cache)$/.test(String(action.request))) return;
    const isInOnePiece =
      action.request === 'read' && (client.replies === 'simple' || action.flags.includes('df'));
    yield { node: client.node, offset: action.offset, length: action.length, isInOnePiece };
  }
  for (const { name, args } of commandsOf(action)) {
    const node = STARTS_JOB.test(name) ? graph.findAny(String(args.device)) : undefined;
    if (node !== undefined) yield { node, offset: 0, length: node.size, isInOnePiece: false };
  }
}

/** The moments that a step reads, with the parts that it reads of them. */
function* momentsRead(run: ModelRun, action: Action): Generator<Reading> {
  const moments = run.machine.graph.nodes.filter(({ driver }) => driver.name === 'snapshot-access');
  if (moments.length === 0) return;
  for (const { node, offset, length, isInOnePiece } of readingsOf(run, action)) {
    for (const moment of moments) {
      if (!uses(node, moment)) continue;
      const end = Math.min(offset + length, moment.size);
      if (end > offset) yield { node: moment, offset, length: end - offset, isInOnePiece };
    }
  }
}

/** Longer parts are not looked at: they might be anything. */
const LONGEST = 2 ** 25;

/**
 * Whether what was copied before it became zeros is read, and then, by the same request, what was not copied: the status of the first
 * part is taken from the disk.
 */
export function readsWhatWasZeroed(run: ModelRun, action: Action): boolean {
  return isReadFromDisk(run, action, (then, now) => then !== 0 && now === 0);
}

/** Whether the same is read in one piece, without a look at its status: whatever the disk has by now is sent. */
export function readsAcrossCopied(run: ModelRun, action: Action): boolean {
  return isReadFromDisk(run, action, (then, now, isInOnePiece) => isInOnePiece && then !== now);
}

/** @param isWrong whether it shows that a byte is taken from the disk as it is now */
function isReadFromDisk(
  run: ModelRun,
  action: Action,
  isWrong: (then: number, now: number, isInOnePiece: boolean) => boolean,
): boolean {
  for (const { node, offset, length, isInOnePiece } of momentsRead(run, action)) {
    const disk = node.edge('file')?.child.edge('file')?.child;
    if (disk === undefined) continue;
    for (const copied of asked(() => [...copiedFirst(node, disk, offset, offset + length)]) ?? []) {
      if (copied.length > LONGEST || hasFaults(node)) return true;
      const [then, now] = [node, disk].map(({ name }) => run.machine.io(name, { op: 'read', ...copied }));
      if (typeof then !== 'object' || typeof now !== 'object') continue;
      if (then.some((byte, at) => isWrong(byte, now[at]!, isInOnePiece))) return true;
    }
  }
  return false;
}

/** The parts of a range of a moment that were copied, and after which the range goes on with what was not. */
function* copiedFirst({ driver }: Node, disk: Node, offset: number, end: number): Generator<Part> {
  for (let at = offset; at < end; ) {
    const { length, at: place } = driver.status!(at, end - at);
    if (place?.node !== disk && at + length < end) yield { offset: at, length };
    at += length;
  }
}

/** To look at what is behind faults and breakpoints would change what they do. */
function hasFaults({ driver, children }: Node): boolean {
  return driver.name === 'blkdebug' || children.some(({ child }) => hasFaults(child));
}
