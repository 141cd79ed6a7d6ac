/** Breakpoints, and the requests that they hold. FILTERS.md, REF-089 to REF-095. */
import fc from 'fast-check';
import t from 'tap';
import { nodeSha256 } from '../../host/sha256.js';
import { type Json, jsonObject } from '../../json/value.js';
import { createImage } from '../../qbm/create.js';
import { imageRef } from '../../qbm/descriptor.js';
import { type IoResult, Machine } from '../../qmp/machine.js';
import { MemoryStorage } from '../../storage/memory-storage.js';
import type { DebugEvent } from '../drivers/driver.js';
import type { GuestRequest } from '../guest.js';

const SIZE = 16384;
const SECTORS = SIZE / 512;
const NODES = ['top', 'dbg2', 'mid', 'dbg', 'disk'] as const;

/** `disk` is an overlay, with blkdebug over it twice; what is printed is kept. */
class Bench {
  readonly printed: string[] = [];
  readonly machine: Machine;

  constructor() {
    const storage = new MemoryStorage();
    storage.put('base', new Uint8Array(SIZE).fill(0x11));
    createImage(storage, 'disk.qbm', {
      size: SIZE,
      backing: imageRef('base', 'raw'),
      makeHash: nodeSha256,
    });
    const print = (_stream: string, text: string): void => void this.printed.push(text);
    this.machine = new Machine({ storage, makeHash: nodeSha256, print });
    const file = jsonObject({ driver: 'file', filename: 'disk.qbm' });
    this.qmp('blockdev-add', { driver: 'qbm', 'node-name': 'disk', file });
    this.qmp('blockdev-add', { driver: 'blkdebug', 'node-name': 'dbg', image: 'disk' });
    this.qmp('blockdev-add', { driver: 'raw', 'node-name': 'mid', file: 'dbg' });
    this.qmp('blockdev-add', { driver: 'blkdebug', 'node-name': 'dbg2', image: 'mid' });
    this.qmp('blockdev-add', { driver: 'raw', 'node-name': 'top', file: 'dbg2' });
    for (const node of NODES) this.qmp('block-dirty-bitmap-add', { node, name: 'b0', granularity: 512 });
  }

  qmp(name: string, args: { readonly [argument: string]: Json }): Json {
    return this.machine.execute({ name, arguments: jsonObject(args) });
  }

  io(node: string, command: string): void {
    this.qmp('human-monitor-command', { 'command-line': `qemu-io ${node} "${command}"` });
  }

  /** The request's result, in a list of one as soon as there is one. */
  submit(node: string, request: GuestRequest): IoResult[] {
    const results: IoResult[] = [];
    this.machine.submit(node, request, (result) => results.push(result));
    return results;
  }

  write(node: string, sector: number, pattern: number, sectors = 1): IoResult[] {
    const bytes = new Uint8Array(sectors * 512).fill(pattern);
    return this.submit(node, { op: 'write', offset: sector * 512, bytes });
  }

  byte(sector: number): number {
    return (this.machine.io('disk', { op: 'read', offset: sector * 512, length: 1 }) as Uint8Array)[0]!;
  }

  /** The sectors that a bitmap has dirty. */
  dirty(node: string): number[] {
    const bitmap = this.machine.graph.find(node)!.bitmap('b0')!;
    return [...Array(bitmap.size / 512).keys()].filter((at) => bitmap.nextDirty(at * 512, at * 512 + 1) >= 0);
  }
}

/** The id of the refusal, if there is one. */
function refusal(act: () => void): string | null {
  try {
    act();
    return null;
  } catch (error) {
    return String((error as { readonly id?: string }).id);
  }
}

type Op = 'read' | 'write' | 'zero';

interface Asked {
  readonly do: Op;
  readonly node: (typeof NODES)[number];
  readonly first: number;
  readonly sectors: number;
  readonly pattern: number;
}

type Step =
  | { readonly do: 'break'; readonly node: 'dbg' | 'dbg2'; readonly event: DebugEvent; readonly tag: string }
  | { readonly do: 'resume' | 'remove_break'; readonly node: 'dbg' | 'dbg2'; readonly tag: string }
  | Asked
  | { readonly do: 'clear' };

const tag = fc.constantFrom('A', 'B');
const blkdebug = fc.constantFrom('dbg' as const, 'dbg2' as const);
const event = fc.constantFrom<DebugEvent>('pwritev', 'pwritev_zero', 'pwritev_done', 'read_aio', 'write_aio');
const step: fc.Arbitrary<Step> = fc.oneof(
  ...[1, 2, 3].map(() => fc.record({ do: fc.constant('break' as const), node: blkdebug, event, tag })),
  fc.record({ do: fc.constantFrom('resume' as const, 'remove_break' as const), node: blkdebug, tag }),
  fc.record({
    do: fc.constantFrom('read' as const, 'write' as const, 'write' as const, 'zero' as const),
    node: fc.constantFrom(...NODES, 'top' as const, 'top' as const),
    first: fc.nat(SECTORS - 1),
    sectors: fc.integer({ min: 1, max: 8 }),
    pattern: fc.integer({ min: 1, max: 255 }),
  }),
  fc.record({ do: fc.constant('clear' as const) }),
);

/** A history, and what it should have come to: each request counts when it goes. */
class History {
  readonly bench = new Bench();
  readonly content = new Uint8Array(SECTORS).fill(0x11);
  /** by node: what was written at it or above since its bitmap was cleared */
  readonly written = new Map(NODES.map((node) => [node, new Set<number>()]));
  waiting = 0;

  run(one: Step): void {
    const { requests } = this.bench.machine.graph;
    if (one.do === 'break') this.bench.io(one.node, `break ${one.event} ${one.tag}`);
    else if ('tag' in one) this.bench.io(one.node, `${one.do} ${one.tag}`);
    else if (one.do === 'clear') {
      for (const node of NODES) {
        this.bench.qmp('block-dirty-bitmap-clear', { node, name: 'b0' });
        this.written.get(node)!.clear();
      }
    } else this.#request(one);
    if (this.bench.machine.settle().length !== this.waiting) throw new Error('what is held is not reported');
    for (const held of requests.all) if (held.tags.length === 0) throw new Error('held by nothing');
    this.#check();
  }

  #request({ do: op, node, first, pattern, ...more }: Asked): void {
    const sectors = Math.min(more.sectors, SECTORS - first);
    const [offset, length] = [first * 512, sectors * 512];
    this.waiting += 1;
    const done = (result: IoResult): void => {
      this.waiting -= 1;
      if (typeof result === 'string') throw new Error(`${op}: ${result}`);
      const range = [...Array(sectors).keys()].map((at) => first + at);
      if (op === 'read') {
        if (range.some((at, index) => result[index * 512] !== this.content[at]))
          throw new Error('read something else');
        return;
      }
      this.content.fill(op === 'write' ? pattern : 0, first, first + sectors);
      for (const below of NODES.slice(NODES.indexOf(node)))
        for (const at of range) this.written.get(below)!.add(at);
    };
    const request: GuestRequest =
      op === 'write' ? { op, offset, bytes: new Uint8Array(length).fill(pattern) } : { op, offset, length };
    this.bench.machine.submit(node, request, done);
  }

  /** Bitmaps and contradictions after each step, content at the end. */
  #check(): void {
    const wrong = this.bench.machine.verify();
    if (wrong.length > 0) throw new Error(wrong.join('; '));
    for (const node of NODES) {
      const expected = [...this.written.get(node)!].sort((a, b) => a - b);
      if (this.bench.dirty(node).join() !== expected.join())
        throw new Error(`the bitmap of ${node} is another`);
    }
  }

  end(): void {
    for (const node of ['dbg', 'dbg2', 'dbg', 'dbg2'] as const)
      for (const name of ['A', 'B']) this.run({ do: 'remove_break', node, tag: name });
    if (this.waiting !== 0) throw new Error(`${this.waiting} requests are held without breakpoints`);
    for (let at = 0; at < SECTORS; at++)
      if (this.bench.byte(at) !== this.content[at]) throw new Error(`sector ${at}`);
  }
}

t.test('any breakpoints, any order: content and bitmaps are those of the requests as they went', (t) => {
  let most = 0;
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40, size: 'max' }), (steps) => {
      const history = new History();
      for (const one of steps) {
        history.run(one);
        most = Math.max(most, history.waiting);
      }
      history.end();
    }),
    { numRuns: 300, seed: 89 },
  );
  t.ok(most > 3, `up to ${most} requests were held at once`);
  t.end();
});

t.test('a request that cannot wait is not made, and the breakpoint is still there (REF-095)', (t) => {
  const bench = new Bench();
  const write: GuestRequest = { op: 'write', offset: 0, bytes: new Uint8Array(512).fill(7) };
  bench.io('top', 'break pwritev A');
  t.equal(
    refusal(() => bench.machine.io('top', write)),
    'REF-E-HELD',
  );
  t.equal(bench.byte(0), 0x11);
  t.same(bench.machine.settle(), []);
  const results = bench.write('top', 0, 7);
  t.same(results, [], 'the next one that can wait is held');
  bench.io('top', 'resume A');
  t.equal(results.length, 1);
  t.same(bench.machine.io('top', write), new Uint8Array(0));
  t.end();
});

t.test('a held request keeps its node; the machine gives it up (REF-094)', (t) => {
  const bench = new Bench();
  bench.io('top', 'break write_aio A');
  const results = bench.write('top', 3, 7);
  bench.io('top', 'break write_aio B');
  bench.io('top', 'aio_write -P 8 512 512');
  bench.io('top', 'write -P 9 1k 512');
  t.equal(bench.byte(2), 9);
  t.equal(
    refusal(() => bench.qmp('blockdev-del', { 'node-name': 'top' })),
    'REF-E-HAS-DEVICE',
  );
  t.equal(bench.machine.settle().length, 2);
  t.same(bench.machine.verify(), []);
  bench.printed.length = 0;
  bench.machine.shutDown();
  t.same(results, ['EIO']);
  t.same(bench.printed, ['aio_write failed: Operation canceled\n']);
  t.same(bench.machine.settle(), []);
  t.same(bench.machine.verify(), []);
  t.end();
});

t.test('what goes, goes as the node is then (REF-092)', (t) => {
  const bench = new Bench();
  bench.io('top', 'break pwritev A');
  const results = bench.write('top', SECTORS - 1, 7);
  bench.qmp('block_resize', { 'node-name': 'top', size: SIZE - 512 });
  bench.io('top', 'resume A');
  t.same(results, ['ENOSPC']);
  t.same(bench.dirty('top'), []);
  bench.io('top', 'break pwritev A');
  t.same(bench.write('top', SECTORS - 1, 7), ['ENOSPC'], 'what fails comes by no event');
  t.end();
});

t.test('a breakpoint goes with its node, and what it held goes on at the next step (REF-094)', (t) => {
  const bench = new Bench();
  bench.qmp('blockdev-add', { driver: 'blkdebug', 'node-name': 'other', image: 'disk' });
  bench.qmp('blockdev-add', { driver: 'raw', 'node-name': 'user', file: 'other' });
  bench.io('user', 'break write_aio A');
  bench.io('user', 'break read_aio B');
  const results = bench.write('user', 0, 7);
  t.equal(
    refusal(() => bench.qmp('blockdev-del', { 'node-name': 'other' })),
    'REF-E-IN-USE',
  );
  // The node above finds another child.
  const file = jsonObject({ driver: 'raw', 'node-name': 'user', file: 'disk' });
  bench.qmp('blockdev-reopen', { options: [file] });
  bench.qmp('blockdev-del', { 'node-name': 'other' });
  t.same(results, []);
  t.same(bench.machine.verify(), []);
  t.equal(bench.machine.step(), true);
  t.equal(results.length, 1);
  t.equal(bench.byte(0), 7);
  t.same(bench.machine.verify(), []);
  t.end();
});

t.test('verify sees a held request whose node is gone, and one that nothing holds (REF-011)', (t) => {
  const bench = new Bench();
  const { graph } = bench.machine;
  bench.io('top', 'break write_aio A');
  bench.write('top', 0, 7);
  const gone = graph.find('dbg2')!;
  graph.find = (name) =>
    name === 'dbg2' || name === 'top'
      ? undefined
      : new Map(graph.nodes.map((node) => [node.name, node])).get(name);
  const wrong = bench.machine.verify().join('; ');
  t.match(wrong, /dbg2: breakpoint A is at it, and it is gone/);
  t.match(wrong, /top: a write of 0\+512 waits for it, and it is gone/);
  Reflect.deleteProperty(graph, 'find');
  t.same(bench.machine.verify(), []);
  t.ok(graph.requests.isHeld(gone, 'A'));
  t.end();
});

t.test('which way requests take: below an overlay, by copies, and to a target (REF-090)', (t) => {
  const bench = new Bench();
  const { graph, storage } = bench.machine;
  const held = (node: string, op: 'read' | 'write' | 'zero' | 'discard', first = 0, sectors = 1): boolean =>
    graph.requests.heldBy(graph.find(node)!, { op, offset: first * 512, length: sectors * 512 }) !== null;
  bench.qmp('blockdev-add', { driver: 'null-co', 'node-name': 'null', size: SIZE });
  bench.qmp('blockdev-add', { driver: 'blkdebug', 'node-name': 'target', image: 'null' });
  bench.qmp('blockdev-add', {
    driver: 'copy-before-write',
    'node-name': 'cbw',
    file: 'disk',
    target: 'target',
  });
  bench.qmp('blockdev-add', { driver: 'snapshot-access', 'node-name': 'snap', file: 'cbw' });
  bench.io('target', 'break pwritev T');
  t.equal(held('cbw', 'write'), true, 'what was there is copied first');
  t.equal(held('cbw', 'discard'), true);
  t.equal(held('cbw', 'read'), false);
  t.equal(held('snap', 'read'), false, 'it is still below');
  t.equal(held('disk', 'write'), false);
  bench.io('target', 'remove_break T');
  const base = imageRef('base', 'raw');
  createImage(storage, 'over.qbm', { size: SIZE, clusterSize: 4096, backing: base, makeHash: nodeSha256 });
  const image = jsonObject({ driver: 'file', filename: 'base', 'read-only': true });
  bench.qmp('blockdev-add', { driver: 'blkdebug', 'node-name': 'back', image, 'read-only': true });
  bench.qmp('blockdev-add', { driver: 'raw', 'node-name': 'base', file: 'back', 'read-only': true });
  const over = jsonObject({ driver: 'file', filename: 'over.qbm' });
  bench.qmp('blockdev-add', { driver: 'qbm', 'node-name': 'over', file: over, backing: 'base' });
  bench.qmp('blockdev-add', { driver: 'copy-on-read', 'node-name': 'cor', file: 'over' });
  bench.io('back', 'break read_aio B');
  t.equal(held('over', 'read'), true, 'it is not its own');
  t.equal(held('over', 'write'), true, 'the granule is filled up from below');
  t.equal(held('over', 'zero', 0, 8), false, 'a whole granule');
  t.equal(held('over', 'write', 0, 12), true);
  t.equal(held('over', 'discard', 0, 8), false);
  t.equal(held('cor', 'read'), true);
  bench.write('over', 0, 7, 8);
  t.equal(held('over', 'read'), false, 'it is its own now');
  t.equal(held('cor', 'read', 0, 8), false);
  t.equal(held('cor', 'read', 0, 9), true);
  t.equal(held('over', 'write', 1, 2), false);
  t.end();
});
