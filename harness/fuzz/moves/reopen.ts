/** Nodes that get other options, several at once: all of them, or none. */
import type { Node } from '../../../spec/block/node.js';
import type { JsonObject } from '../../../spec/json/value.js';
import { members, type Sketch } from '../draw/sketch.js';
import { anyNode, shown } from './nodes.js';
import type { Options } from './options/common.js';
import { drawAgain, drawOwn } from './options/reopened.js';

function someDisk(sketch: Sketch): Node | undefined {
  return sketch.draw.any(sketch.disks);
}

export function playReopen(sketch: Sketch): void {
  const { draw } = sketch;
  if (draw.chance(0.4)) {
    playRefusedList(sketch);
    return;
  }
  const options: JsonObject[] = [];
  for (let count = draw.pick([1, 1, 1, 2, 3]); count > 0; count--) {
    const node = someDisk(sketch);
    if (node !== undefined) options.push(reopening(sketch, node));
  }
  if (options.length > 0) sketch.qmp('blockdev-reopen', { options });
}

/** Each by itself would change something, but for one that is refused: so none does. */
function playRefusedList(sketch: Sketch): void {
  const { draw } = sketch;
  const free = sketch.disks.filter((node) => node.parents.length === 0);
  const changed = draw.any(free);
  const refused = draw.any(sketch.disks.filter((node) => node !== changed));
  if (changed === undefined || refused === undefined) return;
  const options = [members({ ...reopening(sketch, changed), 'read-only': !changed.readOnly })];
  const more = someDisk(sketch);
  if (more !== undefined && more !== changed && more !== refused && draw.chance(0.3))
    options.push(reopening(sketch, more));
  options.splice(draw.pick([0, options.length, options.length]), 0, refusedFor(sketch, refused));
  sketch.qmp('blockdev-reopen', { options });
  sketch.play({ verb: 'graph' });
}

/** What no node can become: one of another driver, or over what is not there. */
function refusedFor(sketch: Sketch, node: Node): JsonObject {
  const isNull = node.driver.name === 'null-co';
  if (isNull || sketch.draw.chance(0.4)) return members({ ...reopening(sketch, node), file: 'nowhere' });
  // For the one option that cannot be changed.
  return members({ driver: 'null-co', 'node-name': node.name, discard: 'unmap' });
}

function reopening(sketch: Sketch, node: Node): JsonObject {
  const { draw } = sketch;
  const { name } = node.driver;
  const driver = name === sketch.run.model.formatDriver && name !== 'raw' ? '{format}' : name;
  const common: Options = {
    driver,
    'node-name': node.name,
    'read-only': draw.pick([undefined, true, false]),
    ...drawAgain(sketch),
  };
  if (driver !== '{format}') return members({ ...common, ...drawOwn(sketch, node), ...below(sketch, node) });
  const backing = node.driver.backing === undefined ? undefined : (shown(sketch, node.backing) ?? null);
  const other = draw.chance(0.2) && backing !== undefined ? draw.pick([null, anyNode(sketch)]) : backing;
  return members({ ...common, file: `${node.name}-file`, backing: other });
}

/** What it stands on: by its name, or by what it is, if it was made with the node. */
function below(sketch: Sketch, node: Node): Options {
  const role = node.driver.name === 'blkdebug' ? 'image' : 'file';
  const child = node.edge(role)?.child;
  if (child === undefined || (role === 'image' && sketch.draw.chance(0.2))) return {};
  // What a file is called is for its machine to say.
  const isFile = child.driver.name === 'file' || child.driver.name === sketch.run.model.formatDriver;
  if (isFile || child.madeFor !== node || sketch.draw.chance(0.6)) return { [role]: shown(sketch, child) };
  const { 'node-name': name, ...options } = reopening(sketch, child);
  return { [role]: members({ ...options, 'node-name': child.name.startsWith('#') ? undefined : name }) };
}
