/**
 * Random histories of what can be done to a graph, with good and broken arguments: a few images, nodes over them, and every
 * command that makes, ends, moves or changes a node. Only tests import this.
 */
import fc from 'fast-check';
import { isJsonObject, type Json, type JsonObject, jsonObject } from '../../json/value.js';

/** Bytes of a new image, and of one of its clusters. */
export const DISK = 262144;
export const CLUSTER = 65536;

/** Images that are there from the beginning, with an allocation bitmap and no backing file. */
export const IMAGES = ['a', 'b', 'c', 'd'] as const;
/** Files for overlays, likewise; each is used by one step at most. */
export const SPARE = ['s0', 's1', 's2', 's3'] as const;
const TOPS = ['p', 'q'] as const;
export type Step =
  | { readonly kind: 'qmp'; readonly name: string; readonly args: JsonObject }
  | { readonly kind: 'write'; readonly node: string; readonly cluster: number; readonly byte: number };

/** What is kept out of histories: what QEMU is known to do otherwise, or not to survive. */
export interface Kind {
  /** the driver of the images */
  readonly format: string;
  /** only what QEMU does as the specification says */
  readonly beside: boolean;
}

/** Names as they stand, and `@7`: the seventh of the nodes that there are when the step is played; `@i7`: of the images. */
const any = fc.nat(99).map((index) => `@${index}`);
const opened = fc.nat(99).map((index) => `@i${index}`);
const node: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: any },
  { weight: 6, arbitrary: opened },
  { weight: 1, arbitrary: fc.constantFrom(...IMAGES, ...SPARE, ...TOPS, 'r', 'n', 'a-file', 'zz') },
);

/** A step with the names that `@` stands for. */
export function resolveStep(step: Step, nodes: readonly string[], images: readonly string[]): Step {
  const resolve = (text: string): string =>
    text.replace(/@(i?)(\d+)/g, (_, kind: string, index: string) => {
      const names = kind === 'i' ? images : nodes;
      return names[Number(index) % names.length] ?? 'zz';
    });
  const within = (value: Json): Json => {
    if (typeof value === 'string') return resolve(value);
    if (Array.isArray(value)) return value.map(within);
    if (!isJsonObject(value)) return value;
    return jsonObject(
      Object.fromEntries(Object.entries(value).map(([name, member]) => [name, within(member)])),
    );
  };
  return step.kind === 'write'
    ? { ...step, node: resolve(step.node) }
    : { ...step, args: within(step.args) as JsonObject };
}

const image = fc.constantFrom(...IMAGES);
const top = fc.constantFrom(...TOPS);
const flag = fc.constantFrom(undefined, undefined, true, false);

const members = (value: { readonly [name: string]: Json | undefined }): JsonObject =>
  jsonObject(
    Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as JsonObject,
  );

const qmp = (name: string, args: { readonly [name: string]: Json | undefined }): Step => ({
  kind: 'qmp',
  name,
  args: members(args),
});

const fileOf = (name: string): JsonObject =>
  jsonObject({ driver: 'file', filename: `${name}.img`, 'node-name': `${name}-file` });

function additions({ format }: Kind): fc.Arbitrary<Step> {
  const backing = fc.oneof(fc.constant(null), node);
  return fc.oneof(
    fc.record({ name: image, backing, readOnly: flag }).map(({ name, backing, readOnly }) =>
      qmp('blockdev-add', {
        driver: format,
        'node-name': name,
        file: fileOf(name),
        backing,
        'read-only': readOnly,
      }),
    ),
    fc
      .record({ name: top, file: node, readOnly: flag, part: fc.constantFrom(undefined, 0, CLUSTER) })
      .map(({ name, file, readOnly, part }) =>
        qmp('blockdev-add', { driver: 'raw', 'node-name': name, file, 'read-only': readOnly, offset: part }),
      ),
    fc.record({ name: top, below: image, readOnly: flag }).map(({ name, below, readOnly }) =>
      qmp('blockdev-add', {
        driver: 'raw',
        'node-name': name,
        'read-only': readOnly,
        file: jsonObject({ driver: format, 'node-name': below, file: fileOf(below), backing: null }),
      }),
    ),
    fc.constant(
      qmp('blockdev-add', {
        driver: 'raw',
        'node-name': 'r',
        file: jsonObject({ driver: 'file', filename: 'r.raw', 'node-name': 'r-file' }),
      }),
    ),
    fc.constant(
      qmp('blockdev-add', { driver: 'null-co', 'node-name': 'n', size: DISK, 'read-zeroes': true }),
    ),
  );
}

/** The options of one node for blockdev-reopen. */
function reopening({ format, beside }: Kind): fc.Arbitrary<JsonObject> {
  const ofImage = fc
    .record({
      name: fc.oneof({ weight: 8, arbitrary: opened }, { weight: 1, arbitrary: fc.constantFrom(...IMAGES) }),
      file: beside ? fc.constantFrom('name', 'options') : fc.oneof(fc.constantFrom('name', 'options'), node),
      backing: fc.oneof(
        fc.constantFrom(undefined, null, jsonObject({ driver: 'null-co' })),
        // QEMU does not survive a refusal above an image that is its own file's overlay.
        beside ? opened : node,
      ),
      readOnly: flag,
    })
    .map(({ name, file, backing, readOnly }) =>
      members({
        driver: format,
        'node-name': name,
        file:
          file === 'name'
            ? `${name}-file`
            : file === 'options'
              ? jsonObject({ driver: 'file', filename: `${name}.img` })
              : file,
        backing,
        'read-only': readOnly,
      }),
    );
  const ofRaw = fc
    .record({
      name: fc.constantFrom(...TOPS, 'r'),
      file: node,
      readOnly: flag,
      offset: fc.constantFrom(undefined, CLUSTER, 2 * DISK),
    })
    .map(({ name, file, readOnly, offset }) =>
      members({
        driver: 'raw',
        'node-name': name,
        // QEMU leaves bitmaps as long as they were, and does not survive that.
        file,
        'read-only': readOnly,
        offset: beside ? undefined : offset,
      }),
    );
  const ofNull = fc
    .record({ readOnly: flag, size: fc.constantFrom(DISK, DISK, 512) })
    .map(({ readOnly, size }) =>
      members({ driver: 'null-co', 'node-name': 'n', size, 'read-zeroes': true, 'read-only': readOnly }),
    );
  const arbitraries = [
    { weight: 6, arbitrary: ofImage },
    { weight: beside ? 0 : 2, arbitrary: ofRaw },
    { weight: 1, arbitrary: ofNull },
  ];
  return fc.oneof(...arbitraries.filter(({ weight }) => weight > 0));
}

function snapshotSync({ format }: Kind): fc.Arbitrary<JsonObject> {
  return fc
    .record({
      'node-name': node,
      'snapshot-node-name': fc.constantFrom(...SPARE, ...SPARE, undefined),
      isNew: fc.boolean(),
      format: fc.constantFrom(format, format, format, 'raw'),
      // The file follows the name, so that one that is in use is not asked for twice.
    })
    .map(({ isNew, ...rest }) => {
      const name = rest['snapshot-node-name'] ?? 's0';
      return members({
        ...rest,
        mode: isNew ? 'absolute-paths' : 'existing',
        'snapshot-file': isNew ? `new-${name}.img` : `${name}.img`,
      });
    });
}

const bitmap = fc.constantFrom('x', 'y');

const bitmapAction = fc.oneof(
  fc
    .record({ node, name: bitmap, persistent: flag, disabled: flag })
    .map((data) => ['block-dirty-bitmap-add', members(data)] as const),
  fc
    .tuple(fc.constantFrom('remove', 'clear', 'enable', 'disable'), node, bitmap)
    .map(([verb, node, name]) => [`block-dirty-bitmap-${verb}`, members({ node, name })] as const),
  fc
    .record({ node, target: bitmap, from: node, name: bitmap })
    .map(
      ({ node, target, from, name }) =>
        [
          'block-dirty-bitmap-merge',
          members({ node, target, bitmaps: [jsonObject({ node: from, name })] }),
        ] as const,
    ),
);

function transaction(kind: Kind): fc.Arbitrary<Step> {
  const action = fc.oneof(
    {
      weight: 3,
      // QEMU does not survive that there is nothing to enable.
      arbitrary: bitmapAction.filter(([name]) => !kind.beside || !name.endsWith('-enable')),
    },
    {
      weight: 3,
      arbitrary: fc
        .record({ node, overlay: node })
        .map((data) => ['blockdev-snapshot', members(data)] as const),
    },
    {
      weight: 2,
      arbitrary: snapshotSync(kind).map((data) => ['blockdev-snapshot-sync', data] as const),
    },
    { weight: 1, arbitrary: fc.constant(['abort', jsonObject({})] as const) },
  );
  return fc
    .array(action, { minLength: 1, maxLength: 4 })
    .map((actions) =>
      qmp('transaction', { actions: actions.map(([type, data]) => jsonObject({ type, data })) }),
    );
}

/** Something to begin with: without it most steps would find nothing. */
function beginning({ format }: Kind): Step[] {
  const images = IMAGES.map((name) =>
    qmp('blockdev-add', { driver: format, 'node-name': name, file: fileOf(name), backing: null }),
  );
  const file = jsonObject({ driver: 'file', filename: 'r.raw', 'node-name': 'r-file' });
  return [
    ...images,
    qmp('blockdev-add', { driver: 'raw', 'node-name': 'r', file }),
    qmp('blockdev-add', { driver: 'raw', 'node-name': 'p', file: 'a' }),
    qmp('blockdev-add', { driver: 'raw', 'node-name': 'q', file: 'b' }),
  ];
}

/** One step after the other, each of any kind. */
export function histories(kind: Kind, length: number): fc.Arbitrary<Step[]> {
  const step = fc.oneof(
    { weight: 8, arbitrary: additions(kind) },
    { weight: 3, arbitrary: node.map((name) => qmp('blockdev-del', { 'node-name': name })) },
    {
      weight: 5,
      arbitrary: fc
        .array(reopening(kind), { minLength: 1, maxLength: 2 })
        .map((options) => qmp('blockdev-reopen', { options })),
    },
    {
      weight: 4,
      arbitrary: fc.record({ node, overlay: node }).map((args) => qmp('blockdev-snapshot', args)),
    },
    {
      weight: 3,
      arbitrary: snapshotSync(kind).map(
        (args): Step => ({ kind: 'qmp', name: 'blockdev-snapshot-sync', args }),
      ),
    },
    { weight: 4, arbitrary: bitmapAction.map(([name, args]): Step => ({ kind: 'qmp', name, args })) },
    { weight: 3, arbitrary: transaction(kind) },
    {
      weight: 2,
      arbitrary: fc
        .record({ 'node-name': node, size: fc.integer({ min: 1, max: 6 }) })
        .map(({ size, ...rest }) => qmp('block_resize', { ...rest, size: size * CLUSTER })),
    },
    {
      weight: 1,
      arbitrary: fc
        .oneof(
          fc.record({ device: node, 'image-node-name': node }),
          opened.map((name) => ({ device: name, 'image-node-name': name })),
        )
        .map((args) =>
          qmp('change-backing-file', { ...args, 'backing-file': kind.beside ? 'elsewhere.img' : 'd.img' }),
        ),
    },
    {
      weight: 6,
      arbitrary: fc
        .record({ node, cluster: fc.nat(5), byte: fc.integer({ min: 1, max: 255 }) })
        .map((write): Step => ({ kind: 'write', ...write })),
    },
  );
  return fc
    .tuple(
      fc.subarray(beginning(kind), { minLength: 3 }),
      fc.array(step, { minLength: 1, maxLength: length, size: 'max' }),
    )
    .map(([first, then]) => [...first, ...then]);
}
