/**
 * Random histories of a QBM image, as plain values: what the image is like, and what its guest and its monitor do. The
 * disk is called `disk`, its descriptor `disk.qbm`. Offsets, lengths and sizes are bytes.
 */
import fc from 'fast-check';
import type { Policy } from '../../qbm/descriptor.js';

export interface Shape {
  readonly size: number;
  /** of the allocation bitmap, and the size of the backing file; null: neither */
  readonly overlay: { readonly cluster: number; readonly base: number } | null;
  /** the bitmaps that are stored when the history begins */
  readonly bitmaps: readonly { readonly name: string; readonly granularity: number }[];
}

export type Action =
  | {
      readonly do: 'add';
      readonly name: string;
      readonly granularity: number;
      readonly persistent: boolean;
      readonly disabled: boolean;
    }
  | { readonly do: 'remove' | 'clear' | 'enable' | 'disable'; readonly name: string }
  | { readonly do: 'merge'; readonly name: string; readonly sources: readonly string[] }
  | { readonly do: 'set-persistent'; readonly name: string; readonly persistent: boolean }
  | { readonly do: 'abort' };

export type Step =
  | { readonly do: 'write'; readonly offset: number; readonly length: number; readonly fill: number }
  | { readonly do: 'zero' | 'discard'; readonly offset: number; readonly length: number }
  | { readonly do: 'flush' }
  | Action
  | { readonly do: 'transaction'; readonly actions: readonly Action[] }
  | { readonly do: 'resize'; readonly size: number }
  | { readonly do: 'create' }
  | { readonly do: 'open'; readonly policy: Policy; readonly readOnly: boolean }
  | { readonly do: 'close' }
  /** the program dies, but not the disk, within a step, before so many operations more; another one opens the image */
  | { readonly do: 'die'; readonly within: Step; readonly after: number; readonly policy: Policy };

export interface History {
  readonly shape: Shape;
  readonly steps: readonly Step[];
}

const KIB = 1024;

/** What the issue asks for, and the odd: a disk that ends within a granule, and one shorter than any granule. */
export const SHAPES: readonly Shape[] = [
  { size: 300 * KIB, overlay: null, bitmaps: [] },
  { size: 256 * KIB, overlay: null, bitmaps: [{ name: 'a', granularity: 4096 }] },
  {
    // the file of a bitmap has nine sectors, and its meta bitmap two bits
    size: 18 * KIB * KIB + 512,
    overlay: null,
    bitmaps: [
      { name: 'a', granularity: 512 },
      { name: 'b', granularity: 65536 },
      { name: 'c', granularity: 4096 },
    ],
  },
  { size: 1000, overlay: null, bitmaps: [{ name: 'a', granularity: 65536 }] },
  {
    size: 150 * KIB + 700,
    overlay: { cluster: 65536, base: 230 * KIB + 300 },
    bitmaps: [
      { name: 'a', granularity: 512 },
      { name: 'b', granularity: 65536 },
    ],
  },
  {
    size: 64 * KIB,
    overlay: { cluster: 4096, base: 40 * KIB + 300 },
    bitmaps: [{ name: 'a', granularity: 16384 }],
  },
];

const NAMES = ['a', 'b', 'c', 'allocation'] as const;
const name = fc.constantFrom('a', 'a', 'a', 'b', 'b', 'c', NAMES[3]);
const granularity = fc.constantFrom(512, 4096, 65536);
const policy = fc.constantFrom<Policy>('writethrough', 'writeback');

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('add' as const),
      name,
      granularity,
      persistent: fc.integer({ min: 0, max: 3 }).map((n) => n > 0),
      disabled: fc.integer({ min: 0, max: 3 }).map((n) => n === 0),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'remove' as const,
        'clear' as const,
        'clear' as const,
        'enable' as const,
        'disable' as const,
      ),
      name,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('merge' as const),
      name,
      sources: fc.array(name, { minLength: 1, maxLength: 2 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('set-persistent' as const), name, persistent: fc.boolean() }),
  },
);

/** Where a request goes: near each other, so that requests meet; at any alignment; some at the end of the disk. */
function placeIn(size: number): fc.Arbitrary<{ offset: number; length: number }> {
  const offset = fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: 0, max: 15 }).map((n) => n * 512) },
    { weight: 3, arbitrary: fc.integer({ min: 0, max: 40 }).map((n) => n * 4096) },
    { weight: 2, arbitrary: fc.nat({ max: size }) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 1500 }).map((n) => Math.max(0, size - n)) },
  );
  const length = fc.oneof(
    { weight: 5, arbitrary: fc.integer({ min: 1, max: 3 }).map((n) => n * 512) },
    { weight: 3, arbitrary: fc.integer({ min: 1, max: 1500 }) },
    { weight: 1, arbitrary: fc.constantFrom(4096, 8192) },
  );
  return fc.record({ offset, length }).map((place) => {
    const start = Math.min(place.offset, size);
    return { offset: start, length: Math.min(place.length, size - start) };
  });
}

function stepIn(size: number): fc.Arbitrary<readonly Step[]> {
  const place = placeIn(size);
  const fill = fc.integer({ min: 1, max: 255 });
  const plain: fc.Arbitrary<Step> = fc.oneof(
    { weight: 12, arbitrary: fc.record({ do: fc.constant('write' as const), place, fill }).map(unfold) },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constantFrom('zero' as const, 'discard' as const), place }).map(unfold),
    },
    { weight: 3, arbitrary: fc.constant({ do: 'flush' as const }) },
    { weight: 8, arbitrary: action },
    { weight: 3, arbitrary: transaction },
    { weight: 3, arbitrary: resize(size) },
  );
  const die = fc.record({
    do: fc.constant('die' as const),
    within: fc.oneof(
      { weight: 6, arbitrary: plain },
      { weight: 1, arbitrary: fc.constant({ do: 'close' as const }) },
    ),
    after: fc.nat({ max: 12 }),
    policy,
  });
  return fc.oneof(
    { weight: 32, arbitrary: plain.map((step) => [step]) },
    { weight: 3, arbitrary: die.map((step) => [step]) },
    { weight: 2, arbitrary: fc.record({ policy, look: fc.boolean() }).map(reopening) },
  );
}

function unfold<T extends { place: { offset: number; length: number } }>({
  place,
  ...rest
}: T): Omit<T, 'place'> & typeof place {
  return { ...rest, ...place };
}

function reopening({ policy, look }: { policy: Policy; look: boolean }): readonly Step[] {
  const close: Step = { do: 'close' };
  const open = (readOnly: boolean): Step => ({ do: 'open', policy, readOnly });
  return look ? [close, open(true), close, open(false)] : [close, open(false)];
}

const transaction: fc.Arbitrary<Step> = fc
  .tuple(fc.array(action, { minLength: 1, maxLength: 3 }), fc.integer({ min: 0, max: 2 }))
  .map(([all, ending]) => ({ do: 'transaction', actions: ending === 0 ? [...all, { do: 'abort' }] : all }));

function resize(size: number): fc.Arbitrary<Step> {
  const sizes = [
    size,
    size - 300,
    size + 300,
    size + 70 * KIB,
    Math.floor(size / 2),
    Math.floor(size / 3) + 100,
    512,
    0,
  ];
  return fc
    .constantFrom(...sizes.filter((one) => one >= 0))
    .map((to) => ({ do: 'resize' as const, size: to }));
}

/** @param isWhole whether making the image is a part of it */
export function histories(isWhole: boolean): fc.Arbitrary<History> {
  return fc.constantFrom(...SHAPES).chain((shape) =>
    fc
      .record({
        policy,
        steps: fc.array(stepIn(shape.size), { minLength: 3, maxLength: 12, size: 'max' }),
        isClosed: fc.boolean(),
      })
      .map(({ policy, steps, isClosed }) => {
        const open: Step = { do: 'open', policy, readOnly: false };
        const begin: Step[] = isWhole ? [{ do: 'create' }, open, ...addsOf(shape)] : [open];
        const end: Step[] = isClosed ? [{ do: 'close' }] : [];
        return { shape, steps: [...begin, ...steps.flat(), ...end] };
      }),
  );
}

/** The steps that give an image its bitmaps. */
export function addsOf(shape: Shape): Step[] {
  return shape.bitmaps.map((bitmap) => ({ do: 'add', ...bitmap, persistent: true, disabled: false }));
}
