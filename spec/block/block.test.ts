import t from 'tap';
import { DirtyBitmap } from '../bitmap/dirty-bitmap.js';
import { MemoryStorage } from '../storage/memory-storage.js';
import type { Driver } from './drivers/driver.js';
import { openFile } from './drivers/file.js';
import { openNull } from './drivers/null-co.js';
import { openRaw, useByRaw } from './drivers/raw.js';
import { Graph } from './graph.js';
import { guestRequest } from './guest.js';
import { Node, type NodeOptions } from './node.js';
import { write, zero } from './request.js';
import { resize } from './resize.js';

const graph = new Graph();

const options = (name: string, more: Partial<NodeOptions> = {}): NodeOptions => ({
  name,
  readOnly: false,
  autoReadOnly: false,
  discard: 'unmap',
  forceShare: false,
  detectZeroes: 'off',
  cacheDirect: false,
  cacheNoFlush: false,
  ...more,
});

function fileNode(size: number): Node {
  const storage = new MemoryStorage();
  storage.put('f', size);
  return nodeOf(options('file'), openFile(storage, 'f', 'write'));
}

function nodeOf(own: NodeOptions, driver: Driver): Node {
  const node = new Node(own, { explicit: {}, effective: {}, specific: new Map() });
  node.install(driver);
  return node;
}

function rawOver(child: Node, part: { offset?: number; size?: number } = {}, own = options('raw')): Node {
  const node = new Node(own, { explicit: {}, effective: {}, specific: new Map() });
  const edge = graph.change((change) => change.adopt(node, child, 'file', useByRaw(part)));
  node.install(openRaw(edge, part));
  return node;
}

function track(node: Node, granularity: number): DirtyBitmap {
  const bitmap = new DirtyBitmap({ name: 'b0', size: node.size, granularity });
  node.addBitmap(bitmap);
  return bitmap;
}

t.test('a write past the end makes a file longer, its bitmaps first (BMP-024)', (t) => {
  const file = fileNode(1048576);
  const bitmap = track(file, 65536);
  write(file, 1310720, new Uint8Array(1000));
  t.equal(file.size, 1311744, 'rounded up to a sector (REF-004)');
  t.equal(bitmap.size, file.size);
  t.same([...bitmap.dirtyAreas()], [{ offset: 1310720, length: 1024 }]);
  t.end();
});

t.test('the bitmaps of a node above follow, too (REF-010)', (t) => {
  const file = fileNode(1048576);
  const raw = rawOver(file);
  const above = track(raw, 512);
  zero(file, 1048576, 512);
  t.equal(above.size, 1049088);
  t.equal(above.count, 0, 'what is written below is not seen above');
  resize(graph, file, 4096);
  t.equal(above.size, 4096);
  resize(graph, raw, 8192);
  t.equal(above.size, 8192);
  t.equal(file.size, 8192);
  t.end();
});

t.test(
  'a raw part of a file: offsets, its own end, and the size it needs to stay (REF-006, REF-008)',
  (t) => {
    const file = fileNode(8192);
    const part = rawOver(file, { offset: 1024, size: 2048 });
    const below = track(file, 512);
    const above = track(part, 512);
    t.equal(guestRequest(part, { op: 'write', offset: 2047, bytes: new Uint8Array([7, 7]) }), 'ENOSPC');
    t.equal(below.count, 0);
    guestRequest(part, { op: 'write', offset: 2047, bytes: new Uint8Array([7]) });
    t.same([...above.dirtyAreas()], [{ offset: 1536, length: 512 }]);
    t.same([...below.dirtyAreas()], [{ offset: 2560, length: 512 }]);
    t.same(guestRequest(file, { op: 'read', offset: 3071, length: 1 }), new Uint8Array([7]));
    t.throws(() => resize(graph, file, 4096), { id: 'REF-E-CONFLICT' } as unknown as Error);
    t.throws(() => resize(graph, part, 4096), { id: 'REF-E-RAW-FIXED' } as unknown as Error);
    t.end();
  },
);

t.test('a file that is no whole number of sectors reads zeros to the end of the last one', (t) => {
  const file = fileNode(1000);
  t.equal(file.size, 1024);
  guestRequest(file, { op: 'write', offset: 995, bytes: new Uint8Array(10).fill(9) });
  t.same(
    guestRequest(file, { op: 'read', offset: 1000, length: 10 }),
    new Uint8Array([9, 9, 9, 9, 9, 0, 0, 0, 0, 0]),
  );
  t.end();
});

t.test('discards that change nothing mark nothing (BMP-007)', (t) => {
  const file = fileNode(4096);
  const ignoring = rawOver(file, {}, options('raw', { discard: 'ignore' }));
  const none = nodeOf(options('null'), openNull({ size: 4096 }));
  for (const node of [ignoring, none]) {
    const bitmap = track(node, 512);
    t.same(guestRequest(node, { op: 'discard', offset: 0, length: 4096 }), new Uint8Array(0));
    t.equal(bitmap.count, 0);
  }
  t.end();
});
