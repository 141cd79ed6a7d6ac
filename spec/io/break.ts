/** REF-089 to REF-093. `break`, `remove_break`, `resume`, `wait_break`: breakpoints of the nearest blkdebug node. */
import { BLKDEBUG_EVENTS } from '../block/drivers/blkdebug-events.js';
import type { DebugEvent } from '../block/drivers/driver.js';
import { breakable } from '../block/held/held-requests.js';
import type { Node } from '../block/node.js';
import { IoFailure, type NodeCommand } from './command.js';
import type { Disk } from './disk.js';
import { UNSUPPORTED } from './request.js';

const NOT_FOUND = 'No such file or directory';

export const BREAK: NodeCommand = {
  name: 'break',
  words: [2, 2],
  usage: 'event tag',
  summary: 'holds the next request that comes to the event of blkdebug',
  run(disk, { words: [event, tag] }) {
    const fail = 'Could not set breakpoint';
    const node = nodeOf(disk, fail);
    if (!BLKDEBUG_EVENTS.some((known) => known === event)) refuse(fail, NOT_FOUND);
    // What never happens here can be waited for all the same.
    disk.graph.requests.breakAt(node, event as DebugEvent, tag!);
  },
};

export const REMOVE_BREAK: NodeCommand = {
  name: 'remove_break',
  words: [1, 1],
  usage: 'tag',
  summary: 'removes a breakpoint, and lets go what it holds',
  run(disk, { words: [tag] }) {
    const fail = `Could not remove breakpoint ${tag}`;
    const { requests } = disk.graph;
    const isThere = requests.removeBreak(nodeOf(disk, fail), tag!);
    requests.run();
    if (!isThere) refuse(fail, NOT_FOUND);
  },
};

export const RESUME: NodeCommand = {
  name: 'resume',
  words: [1, 1],
  usage: 'tag',
  summary: 'lets a held request go',
  run(disk, { words: [tag] }) {
    const fail = 'Could not resume request';
    const { requests } = disk.graph;
    if (!requests.resume(nodeOf(disk, fail), tag!)) refuse(fail, NOT_FOUND);
    requests.run();
  },
};

export const WAIT_BREAK: NodeCommand = {
  name: 'wait_break',
  words: [1, 1],
  usage: 'tag',
  summary: 'waits until a request is held',
  // QEMU waits without end for what does not come.
  run(disk, { world, words: [tag] }) {
    const fail = `Could not wait for ${tag}`;
    const node = nodeOf(disk, fail);
    const isHeld = (): boolean => disk.graph.requests.isHeld(node, tag!);
    while (!isHeld() && world.step());
    if (!isHeld()) refuse(fail, 'no request is held');
  },
};

/** @throws IoFailure where there is no blkdebug */
function nodeOf(disk: Disk, fail: string): Node {
  return breakable(disk.node) ?? refuse(fail, UNSUPPORTED);
}

function refuse(what: string, reason: string): never {
  throw new IoFailure('print', `${what}: ${reason}\n`);
}
