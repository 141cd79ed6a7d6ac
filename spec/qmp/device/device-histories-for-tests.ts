/** Random histories of drives, devices and media. Only tests import this. */
import fc from 'fast-check';
import { type Json, type JsonObject, jsonObject } from '../../json/value.js';

export type DeviceStep =
  | { readonly do: 'drive'; readonly id: string; readonly readOnly: boolean }
  | { readonly do: 'qmp'; readonly command: string; readonly args: JsonObject };

/** The nodes that are there at first, beside one in the drive `d0`; the last one is read-only. */
export const NODES = ['a', 'b', 'c'] as const;
/** Its node is called so, too, with an `n` before. */
export const DRIVE = 'd0';

const DRIVES = [DRIVE, 'd1', 'd2'];
const NAMES = [...NODES, `n${DRIVE}`, 'top'];
const CONTROLLERS = ['s0', 's1'];
const DISKS = ['x0', 'x1', 'x2', 'v0'];

const of = (...values: readonly string[]) => fc.constantFrom(...values);

/** Mostly what there is, now and then what there is not. */
const mostly = (values: readonly string[]) =>
  fc.oneof({ weight: 12, arbitrary: of(...values) }, { weight: 1, arbitrary: of('nope', '1st', '') });

const device = mostly([
  's0',
  's1',
  'x0',
  'x0',
  'x0',
  'x1',
  'x1',
  'x2',
  'v0',
  'v0/virtio-backend',
  '/machine/peripheral/x0',
]);

function qmp(
  command: string,
  args: { readonly [name: string]: fc.Arbitrary<Json | undefined> },
): fc.Arbitrary<DeviceStep> {
  return fc.record(args).map((given) => {
    const there = Object.entries(given).filter(([, value]) => value !== undefined);
    return { do: 'qmp', command, args: jsonObject(Object.fromEntries(there) as JsonObject) };
  });
}

const sometimes = <T>(value: fc.Arbitrary<T>, weight = 1): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight, arbitrary: value }, { weight: 3, arbitrary: fc.constant(undefined) });

/** By the name of a drive, by a device, and seldom by both or by neither. */
const byEither = (command: string) =>
  fc.oneof(
    { weight: 8, arbitrary: qmp(command, { id: device }) },
    { weight: 6, arbitrary: qmp(command, { device: mostly(DRIVES) }) },
    { weight: 1, arbitrary: qmp(command, { id: sometimes(device), device: sometimes(mostly(DRIVES)) }) },
  );

const add = fc.oneof(
  { weight: 2, arbitrary: qmp('device_add', { driver: of('virtio-scsi-pci'), id: of(...CONTROLLERS) }) },
  {
    weight: 8,
    arbitrary: qmp('device_add', {
      driver: of('virtio-blk-pci', 'scsi-hd'),
      id: of(...DISKS),
      drive: fc.oneof(
        { weight: 9, arbitrary: mostly([...NAMES, ...DRIVES]) },
        { weight: 2, arbitrary: fc.constant(undefined) },
      ),
      bus: sometimes(of('s0.0', 's1.0', 'pci.0', 'ide.0')),
      'share-rw': sometimes(fc.boolean(), 2),
    }),
  },
  {
    // Always with a drive: what QEMU makes itself for one without never lets go of its medium (REF-105).
    weight: 6,
    arbitrary: qmp('device_add', {
      driver: of('scsi-cd'),
      id: of(...DISKS),
      drive: of(...NAMES, ...DRIVES, 'nope'),
      'share-rw': sometimes(fc.boolean(), 2),
    }),
  },
  {
    weight: 3,
    arbitrary: qmp('device_add', {
      driver: of('scsi-hd'),
      id: of(...DISKS),
      drive: mostly([...NAMES, ...DRIVES]),
      removable: fc.boolean(),
    }),
  },
);

const size = fc.constantFrom(65536, 131072, 512, 1000);

const step: fc.Arbitrary<DeviceStep> = fc.oneof(
  { weight: 10, arbitrary: add },
  { weight: 2, arbitrary: qmp('device_del', { id: device }) },
  { weight: 1, arbitrary: qmp('system_reset', {}) },
  { weight: 4, arbitrary: byEither('eject') },
  { weight: 3, arbitrary: byEither('blockdev-open-tray') },
  { weight: 2, arbitrary: byEither('blockdev-close-tray') },
  { weight: 3, arbitrary: qmp('blockdev-remove-medium', { id: device }) },
  { weight: 6, arbitrary: qmp('blockdev-insert-medium', { id: device, 'node-name': mostly(NAMES) }) },
  { weight: 3, arbitrary: qmp('blockdev-del', { 'node-name': mostly([...NAMES, ...DRIVES]) }) },
  {
    weight: 2,
    arbitrary: qmp('blockdev-add', {
      driver: of('raw'),
      'node-name': of('top', ...DRIVES),
      file: mostly([...NAMES, ...DRIVES]),
      offset: sometimes(fc.constant(512)),
    }),
  },
  {
    weight: 2,
    arbitrary: qmp('blockdev-add', {
      driver: of('null-co'),
      'node-name': of(...NODES, ...DRIVES),
      size: fc.constant(65536),
      'read-only': fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: qmp('block_resize', {
      device: sometimes(mostly([...DRIVES, ...DISKS]), 6),
      'node-name': sometimes(mostly(NAMES), 4),
      size,
    }),
  },
  {
    weight: 1,
    arbitrary: qmp('block-dirty-bitmap-add', { node: mostly([...DRIVES, ...NAMES]), name: of('b0') }),
  },
  { weight: 2, arbitrary: qmp('query-block', {}) },
  { weight: 1, arbitrary: qmp('query-blockstats', { 'query-nodes': fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('drive' as const),
      id: of(...DRIVES, 'a'),
      readOnly: fc.boolean(),
    }),
  },
);

const first = (command: string, args: { readonly [name: string]: string }): DeviceStep => ({
  do: 'qmp',
  command,
  args: jsonObject(args),
});

/** A controller first, so that most of what follows has a place, and a tray that is open. */
const FIRST: readonly DeviceStep[] = [
  first('device_add', { driver: 'virtio-scsi-pci', id: 's0' }),
  { do: 'drive', id: 'd1', readOnly: true },
  first('device_add', { driver: 'scsi-cd', id: 'x0', drive: 'd1' }),
  first('blockdev-open-tray', { id: 'x0' }),
];

export function deviceHistories(most: number): fc.Arbitrary<readonly DeviceStep[]> {
  return fc.array(step, { minLength: 5, maxLength: most }).map((steps) => [...FIRST, ...steps]);
}
