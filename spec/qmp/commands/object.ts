/** Objects that nodes refer to: groups of limits, and iothreads. spec/block/FILTERS.md, REF-084; THREADS.md, REF-170. */
import { DeviceError } from '../../block/device/errors.js';
import { LIMITS, type Limit, ThrottleGroup } from '../../block/drivers/throttle-group.js';
import { BlockError } from '../../block/errors.js';
import { commandsOf } from '../command.js';
import type { Machine } from '../machine.js';
import { empty, enumeration, type Infer, int, optional, str, struct, union } from '../types.js';
import { checkPool, checkRanges, IothreadProperties } from './thread/properties.js';

const define = commandsOf<Machine>();

/** The largest limit, bytes or requests a second. */
const LARGEST = 1_000_000_000_000_000;
const ID = /^[A-Za-z][A-Za-z0-9._-]*$/;

const ThrottleLimits = struct('ThrottleLimits', {
  'bps-total': optional(int, { doc: 'bytes a second; 0, the default: no limit' }),
  'bps-read': optional(int),
  'bps-write': optional(int),
  'iops-total': optional(int, { doc: 'requests a second' }),
  'iops-read': optional(int),
  'iops-write': optional(int),
});

const ObjectOptions = union('ObjectOptions', {
  base: { 'qom-type': enumeration('ObjectType', ['iothread', 'throttle-group']), id: str },
  discriminator: 'qom-type',
  branches: {
    iothread: IothreadProperties,
    'throttle-group': struct('ThrottleGroupProperties', { limits: optional(ThrottleLimits) }),
  },
});

/** @throws BlockError REF-E-LIMIT, REF-E-LIMITS-TOGETHER */
function limitsOf(given: Infer<typeof ThrottleLimits>): Map<Limit, number> {
  const limits = new Map(LIMITS.map((limit) => [limit, Number(given[limit] ?? 0)]));
  for (const kind of ['bps', 'iops'] as const) {
    const parts = limits.get(`${kind}-read`)! !== 0 || limits.get(`${kind}-write`)! !== 0;
    if (limits.get(`${kind}-total`)! !== 0 && parts) throw new BlockError('REF-E-LIMITS-TOGETHER');
  }
  for (const value of limits.values()) if (value < 0 || value > LARGEST) throw new BlockError('REF-E-LIMIT');
  return limits;
}

/** Whether a node was moved to the iothread, and is still there for all that commands have said. */
function isThreadUsed({ exports, graph }: Machine, id: string): boolean {
  return (
    exports.all.some(({ iothread }) => iothread === id) || graph.nodes.some((node) => node.iothread === id)
  );
}

export const OBJECT_COMMANDS = [
  define({
    name: 'object-add',
    doc: 'Makes an object: a group of limits for nodes of driver throttle, or an iothread.',
    args: ObjectOptions,
    returns: empty,
    rules: ['REF-084', 'REF-170', 'REF-172'],
    execute(machine, options) {
      const { id } = options;
      // PRECONDITIONS
      if (!ID.test(id)) throw new DeviceError('REF-E-DRIVE-ID');
      if (options['qom-type'] === 'iothread') checkRanges(options);
      const limits = options['qom-type'] === 'iothread' ? null : limitsOf(options.limits ?? {});
      if (machine.objects.has(id) || machine.iothreads.has(id))
        throw new BlockError('REF-E-OBJECT-TAKEN', { id });
      if (options['qom-type'] === 'iothread') checkPool(options);
      // EFFECTS
      if (limits === null) machine.iothreads.add(id);
      else machine.objects.set(id, new ThrottleGroup(id, limits));
    },
  }),
  define({
    name: 'object-del',
    doc: 'Drops an object that nobody uses.',
    args: struct('ObjectDelArguments', { id: str }),
    returns: empty,
    rules: ['REF-084', 'REF-170'],
    execute(machine, { id }) {
      // PRECONDITIONS
      if (machine.iothreads.has(id)) {
        if (isThreadUsed(machine, id)) throw new BlockError('REF-E-OBJECT-IN-USE', { id });
        machine.iothreads.delete(id);
        return;
      }
      const group = machine.objects.get(id);
      if (group === undefined) throw new BlockError('REF-E-NO-OBJECT', { id });
      if (group.members.size > 0) throw new BlockError('REF-E-OBJECT-IN-USE', { id });
      // EFFECTS
      machine.objects.delete(id);
    },
  }),
];
