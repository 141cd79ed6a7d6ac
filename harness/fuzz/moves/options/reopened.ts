/** What a node is reopened with that only its driver knows: what it was opened with, of which one thing may be another. */
import type { Node } from '../../../../spec/block/node.js';
import type { Json } from '../../../../spec/json/value.js';
import { members, type Sketch } from '../../draw/sketch.js';
import { bitmapsOf } from '../names.js';
import { anyNode } from '../nodes.js';
import type { Options } from './common.js';

/** Options of any node, rarely, beside what else it gets. */
export function drawAgain({ draw }: Sketch): Options {
  const detects = draw.chance(0.12) ? draw.pick(['off', 'on', 'unmap']) : undefined;
  return {
    'auto-read-only': draw.chance(0.06) ? draw.pick([true, false]) : undefined,
    'force-share': draw.chance(0.01) ? draw.pick([true, false]) : undefined,
    'detect-zeroes': detects,
    discard: draw.chance(0.1) ? draw.pick([undefined, 'ignore']) : 'unmap',
    cache: draw.chance(0.06) ? members({ direct: draw.pick([true, false]), 'no-flush': true }) : undefined,
  };
}

/** Which of several that cannot be what it was is told is luck: one at most is another, or left out. */
export function drawOwn(sketch: Sketch, node: Node): Options {
  const { draw } = sketch;
  const own: { [name: string]: Json | undefined } = {};
  for (const [name, value] of node.openedWith.specific)
    if (!/^(driver|node-name)$/.test(name)) own[name] = value;
  if (!draw.chance(0.3)) return own;
  const plain = Object.keys(own).filter((name) => typeof own[name] !== 'object');
  const [name, value] = draw.pick([
    [draw.any(plain), undefined] as const,
    ...(OTHERS[node.driver.name] ?? OTHERS.any!).map((one) => one(sketch, node)),
  ]);
  return name === undefined ? own : { ...own, [name]: value };
}

type Other = (sketch: Sketch, node: Node) => readonly [name: string, value: Json | undefined];

/** An option of each driver, and what it might be. */
const OTHERS: { readonly [driver: string]: readonly Other[] } = {
  any: [() => ['size', 512]],
  raw: [
    (sketch, node) => ['offset', 512 * sketch.draw.int(0, Math.floor(node.size / 512))],
    (sketch, node) => ['size', 512 * sketch.draw.int(0, Math.floor(node.size / 512))],
  ],
  'null-co': [() => ['latency-ns', 0], () => ['read-zeroes', false], () => ['size', 1024]],
  throttle: [
    (sketch) => ['throttle-group', sketch.draw.any([...sketch.run.machine.objects.keys(), 'none'])],
    (sketch) => ['throttle-group', sketch.draw.any([...sketch.run.machine.objects.keys()])],
  ],
  'copy-on-read': [(sketch, node) => ['bottom', sketch.draw.chance(0.5) ? anyNode(sketch) : node.name]],
  'copy-before-write': [
    () => ['on-cbw-error', 'break-snapshot'],
    () => ['cbw-timeout', 3600],
    (sketch) => ['target', anyNode(sketch)],
    (_, node) => ['bitmap', members({ node: node.name, name: bitmapsOf(node)[0]?.name ?? 'b0' })],
  ],
  blkdebug: [
    (sketch) => ['align', sketch.draw.pick([512, 4096])],
    (sketch) => ['max-transfer', sketch.draw.pick([4096, 65536])],
    () => ['inject-error', [members({ event: 'none' })]],
    () => ['take-child-perms', ['write']],
    () => ['unshare-child-perms', ['resize']],
  ],
};
