/**
 * Mistakes of known minimum: each says of a history whether it shows the mistake, and how few steps (a transaction
 * counts one more than its actions) and how small a sum of all numbers do. What cannot be played shows nothing.
 */
import fc from 'fast-check';
import { isJsonObject, type JsonObject, jsonObject } from '../../../spec/json/value.js';
import type { Action, Step } from '../../case/case.js';
import { openAction } from '../../fuzz/draw/actions.js';

export interface Problem {
  readonly name: string;
  /** steps, with the actions of transactions, of the smallest history that shows it */
  readonly minimum: number;
  shows(steps: readonly Step[]): boolean;
}

const NODES = ['alpha', 'beta', 'gamma'] as const;
const BITMAPS = ['one', 'two', 'three', 'four'] as const;

function step(action: Action): Step {
  return { line: 0, action };
}

function command(name: string, args: JsonObject): Step {
  return step({ verb: 'qmp', command: name, arguments: jsonObject(args) });
}

const node = fc.constantFrom(...NODES);
const bitmap = fc.constantFrom(...BITMAPS);
const on = fc.record({ node, name: bitmap }).map((args) => jsonObject(args));

const plain = fc.oneof(
  fc.tuple(fc.constantFrom('add', 'remove', 'enable', 'disable', 'clear'), on).map(([verb, args]) => ({
    type: `block-dirty-bitmap-${verb}`,
    data: args,
  })),
  fc.record({ node, target: bitmap, from: bitmap }).map((args) => ({
    type: 'block-dirty-bitmap-merge',
    data: jsonObject({ node: args.node, target: args.target, bitmaps: [args.from] }),
  })),
);

const oneStep: fc.Arbitrary<Step> = fc.oneof(
  fc
    .record({ node, size: fc.integer({ min: 1, max: 4096 }) })
    .map(({ node, size }) => step(openAction(node, size))),
  { weight: 4, arbitrary: plain.map(({ type, data }) => command(type, data)) },
  {
    weight: 3,
    arbitrary: fc
      .record({ node, offset: fc.nat(4096), length: fc.integer({ min: 1, max: 30 }) })
      .map(({ node, offset, length }) =>
        step({ verb: 'io', node, request: { op: 'write', offset, length, pattern: 1 } }),
      ),
  },
  fc
    .record({ node, size: fc.integer({ min: 1, max: 8192 }) })
    .map((args) => command('block_resize', jsonObject({ 'node-name': args.node, size: args.size }))),
  fc
    .array(plain, { minLength: 1, maxLength: 5 })
    .map((actions) =>
      command(
        'transaction',
        jsonObject({ actions: actions.map(({ type, data }) => jsonObject({ type, data })) }),
      ),
    ),
  node.map((name) => step({ verb: 'observe', node: name })),
);

/** Histories of up to `most` steps in which the mistakes are to be found. */
export function histories(most: number): fc.Arbitrary<Step[]> {
  return fc.array(oneStep, { minLength: 1, maxLength: most, size: 'max' });
}

/** What the steps come to. */
interface World {
  readonly sizes: Map<string, number>;
  /** by `node/name`: whether it records */
  readonly bitmaps: Map<string, boolean>;
  /** lengths of the writes that were done */
  readonly writes: { readonly node: string; readonly offset: number; readonly length: number }[];
  /** commands that were done, as `name` or, within a transaction, `name!` */
  readonly done: string[];
  /** bitmaps that got something merged: `node/name` from `name` */
  readonly merges: { readonly into: string; readonly from: string }[];
  resized: Set<string>;
}

/** Plays the steps; what is impossible is left out. Told after each step. */
function play(steps: readonly Step[], after: (world: World, step: Step) => boolean): boolean {
  const world: World = {
    sizes: new Map(),
    bitmaps: new Map(),
    writes: [],
    done: [],
    merges: [],
    resized: new Set(),
  };
  for (const one of steps) {
    perform(world, one.action);
    if (after(world, one)) return true;
  }
  return false;
}

function perform(world: World, action: Action): void {
  if (action.verb === 'open') {
    if (!world.sizes.has(action.node)) world.sizes.set(action.node, action.size ?? 0);
  } else if (action.verb === 'io') {
    const { request, node: name } = action;
    const size = world.sizes.get(name);
    if (request.op !== 'write' || size === undefined || request.offset + request.length > size) return;
    world.writes.push({ node: name, offset: request.offset, length: request.length });
  } else if (action.verb === 'qmp') {
    const args = action.arguments ?? jsonObject();
    if (action.command !== 'transaction') execute(world, action.command, args, '');
    else {
      for (const { type, data } of actionsOf(args)) execute(world, type, data, '!');
    }
  }
}

/** The whole actions of a transaction. */
function actionsOf(args: JsonObject): { type: string; data: JsonObject }[] {
  if (!Array.isArray(args.actions)) return [];
  return args.actions.flatMap((one) =>
    isJsonObject(one) && typeof one.type === 'string' && isJsonObject(one.data ?? null)
      ? [{ type: one.type, data: one.data as JsonObject }]
      : [],
  );
}

/** Without one of these a command is refused. */
const NEEDS: { readonly [command: string]: readonly string[] } = {
  'block-dirty-bitmap-merge': ['node', 'target', 'bitmaps'],
  block_resize: ['node-name', 'size'],
};

function execute(world: World, name: string, args: JsonObject, mark: string): void {
  if ((NEEDS[name] ?? ['node', 'name']).some((member) => args[member] === undefined)) return;
  const id = `${args.node}/${args.name}`;
  const hasNode = world.sizes.has(String(args.node));
  switch (name) {
    case 'block-dirty-bitmap-add':
      if (!hasNode || world.bitmaps.has(id)) return;
      world.bitmaps.set(id, true);
      break;
    case 'block-dirty-bitmap-remove':
      if (!world.bitmaps.delete(id)) return;
      break;
    case 'block-dirty-bitmap-enable':
    case 'block-dirty-bitmap-disable':
      if (!world.bitmaps.has(id)) return;
      world.bitmaps.set(id, name.endsWith('enable'));
      break;
    case 'block-dirty-bitmap-clear':
      if (!world.bitmaps.has(id)) return;
      break;
    case 'block-dirty-bitmap-merge': {
      const from = `${args.node}/${(args.bitmaps as string[])[0]}`;
      const into = `${args.node}/${args.target}`;
      if (!world.bitmaps.has(into) || !world.bitmaps.has(from)) return;
      world.merges.push({ into, from });
      break;
    }
    case 'block_resize': {
      const sized = String(args['node-name']);
      if (!world.sizes.has(sized)) return;
      if (Number(args.size) > world.sizes.get(sized)!) world.resized.add(sized);
      world.sizes.set(sized, Number(args.size));
      break;
    }
  }
  world.done.push(`${name.replace('block-dirty-bitmap-', '')}${mark}`);
}

function count(list: readonly string[], name: string): number {
  return list.filter((one) => one === name).length;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

/** The problems. */
export const PROBLEMS: readonly Problem[] = [
  {
    name: 'a sum over several writes, once something is disabled',
    minimum: 5,
    // open, add, disable, and of writes of at most 30 bytes two
    shows: (steps) =>
      isWithin(steps) &&
      play(
        steps,
        ({ done, writes }) => done.includes('disable') && sum(writes.map(({ length }) => length)) > 50,
      ),
  },
  {
    name: 'three bitmaps at once on a node',
    minimum: 4,
    shows: (steps) =>
      play(steps, ({ bitmaps }) =>
        NODES.some((name) => [...bitmaps.keys()].filter((id) => id.startsWith(`${name}/`)).length === 3),
      ),
  },
  {
    name: 'three bitmaps at once on any nodes',
    minimum: 4,
    shows: (steps) => play(steps, ({ bitmaps }) => bitmaps.size === 3),
  },
  {
    name: 'as many removals as additions, and a write',
    minimum: 2,
    shows: (steps) =>
      play(
        steps,
        ({ done, writes }) =>
          writes.length > 0 && count(done, 'add') === count(done, 'remove') && !done.includes('clear'),
      ),
  },
  {
    name: 'a merge from what was merged into',
    minimum: 5,
    // open, two bitmaps, two merges of which the first may be from itself
    shows: (steps) =>
      play(steps, ({ merges }) =>
        merges.some(({ into }, index) =>
          merges.slice(index + 1).some((later) => later.from === into && later.into !== into),
        ),
      ),
  },
  {
    name: 'two actions of one transaction',
    minimum: 4,
    // open, and a transaction of add and remove
    shows: (steps) =>
      steps.some(({ action }) => {
        if (action.verb !== 'qmp' || action.command !== 'transaction') return false;
        const types = actionsOf(action.arguments ?? jsonObject()).map(({ type }) => type);
        return types.includes('block-dirty-bitmap-disable') && types.includes('block-dirty-bitmap-clear');
      }) && play(steps, ({ sizes }) => sizes.size > 0),
  },
  {
    name: 'the same name on two nodes',
    minimum: 4,
    shows: (steps) =>
      play(steps, ({ bitmaps }) => {
        const names = [...bitmaps.keys()].map((id) => id.split('/')[1]);
        return new Set(names).size < names.length;
      }),
  },
  {
    name: 'a write beyond the end that a node once had',
    minimum: 3,
    shows: (steps) =>
      play(steps, ({ resized, writes, sizes }) =>
        writes.some(
          ({ node: name, offset, length }) =>
            resized.has(name) && offset + length > (sizes.get(name) ?? 0) - 8,
        ),
      ),
  },
  {
    name: 'nodes that are large together',
    minimum: 2,
    shows: (steps) =>
      isWithin(steps) && play(steps, ({ sizes }) => sum([...sizes.values()]) >= 6000 && sizes.size >= 2),
  },
  {
    name: 'an odd number of disables before a write',
    minimum: 4,
    shows: (steps) =>
      play(
        steps,
        ({ done, writes }, { action }) =>
          action.verb === 'io' && writes.length > 0 && count(done, 'disable') % 2 === 1,
      ),
  },
  {
    name: 'an observed node with a bitmap that records no more',
    minimum: 4,
    shows: (steps) =>
      play(
        steps,
        ({ bitmaps }, { action }) =>
          action.verb === 'observe' &&
          [...bitmaps].some(([id, records]) => id.startsWith(`${action.node}/`) && !records),
      ),
  },
  {
    name: 'writes of 100 bytes together on one node',
    minimum: 5,
    // open, and of writes of at most 30 bytes four
    shows: (steps) =>
      isWithin(steps) &&
      play(steps, ({ writes }) =>
        NODES.some(
          (name) => sum(writes.filter((one) => one.node === name).map(({ length }) => length)) >= 100,
        ),
      ),
  },
];

/** Whether the numbers are those that can be drawn: a write has at most 30 bytes, a node at most 4096. */
function isWithin(steps: readonly Step[]): boolean {
  return steps.every(({ action }) => {
    if (action.verb === 'io' && action.request.op === 'write') return action.request.length <= 30;
    return action.verb !== 'open' || (action.size ?? 0) <= 4096;
  });
}
