/** Laws of drives, devices and media over random histories: REF-011, REF-100 to REF-112. */
import fc from 'fast-check';
import t from 'tap';
import { permissionsOf } from '../../block/permissions.js';
import { nodeSha256 } from '../../host/sha256.js';
import { jsonObject } from '../../json/value.js';
import { writeJson } from '../../json/write.js';
import { MemoryStorage } from '../../storage/memory-storage.js';
import { QmpError } from '../errors.js';
import { Machine } from '../machine.js';
import { type DeviceStep, DRIVE, deviceHistories, NODES } from './device-histories-for-tests.js';

function makeMachine(): Machine {
  const machine = new Machine({ storage: new MemoryStorage(), makeHash: nodeSha256 });
  const node = (name: string, readOnly: boolean) =>
    jsonObject({ driver: 'null-co', 'node-name': name, size: 65536, 'read-only': readOnly });
  for (const name of NODES) {
    machine.execute({ name: 'blockdev-add', arguments: node(name, name === NODES.at(-1)) });
  }
  machine.addDrive(DRIVE, node(`n${DRIVE}`, false));
  return machine;
}

/** Everything that can be seen of a machine. */
function state(machine: Machine): string {
  const { graph, devices } = machine;
  return writeJson([
    machine.execute({ name: 'query-block' }),
    machine.execute({ name: 'query-named-block-nodes' }),
    graph.nodes.map((node) => {
      const { needs, shares } = permissionsOf(node);
      return [
        node.name,
        needs,
        shares,
        node.monitorOwned,
        node.parents.map((edge) => edge.parent.describe()),
      ];
    }),
    devices.all.map(({ path, isLeaving, slot }) => [path, isLeaving, slot]),
  ]);
}

/** Whether it was done; a refusal has changed nothing. */
function perform(machine: Machine, step: DeviceStep): boolean {
  const before = state(machine);
  machine.takeEvents();
  try {
    if (step.do === 'drive') machine.addDrive(step.id, null, step.readOnly);
    else machine.execute({ name: step.command, arguments: step.args });
    return true;
  } catch (error) {
    if (!(error instanceof QmpError)) throw error;
    if (state(machine) !== before) throw new Error(`${error.desc}: yet something has changed`);
    if (machine.takeEvents().length > 0) throw new Error(`${error.desc}: yet there were events`);
    return false;
  }
}

t.test(
  'whatever devices and media do, every reference has its holder, and a refusal changes nothing',
  (t) => {
    const done = new Set<string>();
    fc.assert(
      fc.property(deviceHistories(60), (steps) => {
        const machine = makeMachine();
        for (const step of steps) {
          if (perform(machine, step)) done.add(step.do === 'drive' ? 'drive' : step.command);
          const wrong = machine.verify();
          if (wrong.length > 0) throw new Error(wrong.join('; '));
        }
        machine.shutDown();
        if (machine.graph.nodes.length > 0) throw new Error('nodes are left after the end');
      }),
      { numRuns: 400 },
    );
    t.same(
      [
        'device_add',
        'device_del',
        'eject',
        'blockdev-insert-medium',
        'blockdev-remove-medium',
        'drive',
      ].filter((command) => !done.has(command)),
      [],
      'each of these succeeded somewhere',
    );
    t.end();
  },
);

t.test('what a device has let go of is as if the device had never been (REF-105, REF-109)', (t) => {
  fc.assert(
    fc.property(deviceHistories(40), (steps) => {
      const machine = makeMachine();
      for (const step of steps) perform(machine, step);
      for (const { path } of machine.devices.all) {
        try {
          machine.execute({ name: 'device_del', arguments: jsonObject({ id: path }) });
        } catch (error) {
          if (!(error instanceof QmpError)) throw error; // it is on its way, or went with its controller
        }
      }
      machine.execute({ name: 'system_reset' });
      t.same(machine.devices.all, []);
      for (const { deviceName } of [...machine.devices.backends]) {
        machine.execute({ name: 'eject', arguments: jsonObject({ device: deviceName! }) });
      }
      for (let left = true; left; ) {
        left = machine.graph.nodes.some((node) => {
          try {
            machine.execute({ name: 'blockdev-del', arguments: jsonObject({ 'node-name': node.name }) });
            return true;
          } catch (error) {
            if (!(error instanceof QmpError)) throw error;
            return false;
          }
        });
      }
      if (machine.graph.nodes.length > 0)
        throw new Error(`left: ${machine.graph.nodes.map((node) => node.name)}`);
    }),
    { numRuns: 100 },
  );
  t.end();
});
