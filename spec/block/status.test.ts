import t from 'tap';
import { machineWith } from './chain/chain-for-tests.js';
import { isAllocatedAbove, statusInChain, statusPieces } from './status.js';

const G = 65536;
const MiB = 2 ** 20;

t.test('REF-060, REF-064: one layer', (t) => {
  const { create, io } = machineWith();
  const disk = create('disk', { size: 3 * G });
  io(disk, { op: 'write', offset: 100, bytes: new Uint8Array(512).fill(1) });
  io(disk, { op: 'zero', offset: G, length: G });
  const seen = [...statusPieces(disk, 0, 3 * G)].map(
    ({ offset, length, isAllocated, isData, isZero, at }) => ({
      range: `${offset}+${length}`,
      says: [isAllocated && 'allocated', isData && 'data', isZero && 'zero'].filter(Boolean).join(' '),
      at: at === null ? null : `${at.node.filename}:${at.offset}`,
    }),
  );
  t.same(seen, [
    { range: `0+${G}`, says: 'allocated data', at: 'disk.data:0' },
    { range: `${G}+${G}`, says: 'allocated zero', at: null },
    { range: `${2 * G}+${G}`, says: 'zero', at: null },
  ]);
  t.end();
});

t.test('REF-060: the answer does not depend on where the question begins', (t) => {
  const { create, io } = machineWith();
  const disk = create('disk', { size: 4 * G });
  io(disk, { op: 'write', offset: G, bytes: new Uint8Array(G).fill(1) });
  io(disk, { op: 'zero', offset: 2 * G, length: G });
  for (let at = 0; at < 4 * G; at += G / 4) {
    const found = statusInChain(disk, at, 4 * G - at);
    t.equal(found.isData, Math.floor(at / G) === 1, `${at}`);
    t.equal(found.isZero, !found.isData);
    t.equal((at + found.length) % G, 0);
  }
  t.end();
});

t.test('REF-061, REF-062: a chain', (t) => {
  const { create, io } = machineWith();
  const base = create('base', { size: 4 * MiB });
  const mid = create('mid', { size: 4 * MiB, backing: base });
  const top = create('top', { size: 5 * MiB, backing: mid });
  for (const [node, granule] of [
    [base, 0],
    [mid, 1],
    [top, 2],
  ] as const)
    io(node, { op: 'write', offset: granule * G, bytes: new Uint8Array(G).fill(1) });
  const depths = [...statusPieces(top, 0, 3 * G)].map(({ depth }) => depth);
  t.same(depths, [2, 1, 0]);
  const tail = statusInChain(top, 4 * MiB, MiB);
  t.match(tail, { length: MiB, depth: 0, isAllocated: false, isZero: true, isData: false });
  t.match(statusInChain(top, 3 * G, 5 * MiB - 3 * G), { isZero: true, length: 4 * MiB - 3 * G });
  t.end();
});

t.test('REF-063: allocated above a base', (t) => {
  const { create, io } = machineWith();
  const base = create('base', { size: 5 * MiB });
  const mid = create('mid', { size: 4 * MiB, backing: base });
  const top = create('top', { size: 5 * MiB, backing: mid });
  io(mid, { op: 'write', offset: G, bytes: new Uint8Array(1).fill(1) });
  const areas: string[] = [];
  for (let at = 0; at < 5 * MiB; ) {
    const { isAllocated, length } = isAllocatedAbove(top, base, at, 5 * MiB - at);
    if (isAllocated) areas.push(`${at}+${length}`);
    at += length;
  }
  t.same(areas, [`${G}+${G}`, `${4 * MiB}+${MiB}`]);
  t.match(isAllocatedAbove(top, top, 0, G), { isAllocated: false });
  t.end();
});
