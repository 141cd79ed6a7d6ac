/** All drives and devices of a machine: how they come and go. DEVICES.md, REF-100 to REF-106. */
import type { JsonObject } from '../../json/value.js';
import { jsonObject } from '../../json/value.js';
import { checkBlockers } from '../blockers.js';
import type { GraphChange } from '../change.js';
import type { Edge } from '../edge.js';
import type { Graph } from '../graph.js';
import type { Node } from '../node.js';
import { Backend, NOTHING } from './backend.js';
import { Device, type DiskOptions, type Model, modelOf } from './device.js';
import { DeviceError } from './errors.js';

/** The places on the machine's bus that are free at its start. */
const FIRST_SLOT = 2;
const LAST_SLOT = 31;
/** The machine's buses beside that one. No device can be added to them, nor taken away. */
const PCI_BUS = 'pci.0';
/** newest first */
const IDE_BUSES = ['ide.1', 'ide.0'];

/** A name that a person may give to a device or a drive. */
const IDENTIFIER = /^[A-Za-z][A-Za-z0-9._-]*$/;

/** What is asked of device_add; properties are texts, as they are on a command line. */
export interface DeviceOptions {
  readonly driver: string;
  readonly id: string | undefined;
  readonly bus: string | undefined;
  readonly properties: ReadonlyMap<string, string>;
}

/** Where a device is to be: on the machine's bus, or on that of a controller. */
type Place = Device | 'machine';

export class Devices {
  readonly #graph: Graph;
  readonly #emit: (event: JsonObject) => void;
  /** of devices that went, kept by exports */
  readonly #left = new Set<Backend>();
  readonly #driveLeaves: (node: Node) => void;
  /** oldest first: the order in which queries list them */
  readonly backends: Backend[] = [];
  /** what is on the machine's bus, oldest first */
  readonly #machine: Device[] = [];
  #unnamed = 0;

  /** `driveLeaves`: a drive is about to go with its device; its node is still there. */
  constructor(graph: Graph, emit: (event: JsonObject) => void, driveLeaves: (node: Node) => void) {
    this.#graph = graph;
    this.#emit = emit;
    this.#driveLeaves = driveLeaves;
  }

  /** A drive: a name for a medium, until a device comes. `open` makes the node; without it the drive is empty. REF-100 */
  addDrive(id: string, writable: boolean, open: (() => Node) | null): void {
    this.checkId(id);
    if (this.#graph.drives.has(id)) throw new DeviceError('REF-E-DRIVE-TAKEN', { id });
    const node = open?.() ?? null;
    const backend = new Backend(id, writable);
    this.#graph.ageOf(backend);
    try {
      if (this.#graph.find(id) !== undefined) throw new DeviceError('REF-E-DRIVE-NODE', { id });
      if (node !== null) this.#graph.change((change) => backend.insert(change, node));
    } catch (refusal) {
      if (node !== null) this.#graph.release(node);
      throw refusal;
    }
    this.backends.push(backend);
    this.#graph.drives.set(id, backend);
  }

  /** device_add, REF-101 to REF-103. @throws DeviceError; BlockError REF-E-CONFLICT. Nothing is left then. */
  add(options: DeviceOptions): void {
    this.checkId(options.id);
    const model = modelOf(options.driver);
    if (model === undefined) throw new DeviceError('REF-E-DEVICE-MODEL', { driver: options.driver });
    const place = this.#placeFor(model, options.bus);
    const { id } = options;
    const path =
      id === undefined ? `/machine/peripheral-anon/device[${this.#unnamed++}]` : `/machine/peripheral/${id}`;
    if (this.find(path) !== undefined) throw new DeviceError('REF-E-DEVICE-TAKEN', { id: id! });
    const controller = place === 'machine' ? null : place;
    const slot = place === 'machine' ? this.#freeSlot() : 0;
    const disk = this.#properties(model, options.properties);
    const device = new Device(model, { id, path, controller, slot });
    try {
      if (slot > LAST_SLOT) throw new DeviceError('REF-E-BUS-FULL', { driver: model.driver });
      if (model.kind !== 'controller') this.#attach(device, disk);
    } catch (refusal) {
      // REF-100
      const { drive } = disk;
      if (drive instanceof Backend) this.#graph.change((change) => drive.need(change, NOTHING));
      throw refusal;
    }
    (controller?.children ?? this.#machine).push(device);
  }

  /** @throws DeviceError REF-E-DRIVE-ID */
  checkId(id: string | undefined): void {
    if (id !== undefined && !IDENTIFIER.test(id)) throw new DeviceError('REF-E-DRIVE-ID');
  }

  /** device_del, REF-105: at once from a controller, at the next reset from the machine. @throws DeviceError */
  remove(device: Device, id: string): void {
    if (device.isLeaving) throw new DeviceError('REF-E-UNPLUGGING', { id });
    if (device.controller === null) device.isLeaving = true;
    else this.#unplug(device);
  }

  /** The guest starts anew: what was asked to leave does, in the order of the slots. REF-105 */
  reset(): void {
    this.#emit(event('RESET', { guest: false, reason: 'host-qmp-system-reset' }));
    for (const device of this.all) device.isTrayOpen = false; // REF-108
    const leaving = this.#machine.filter(({ isLeaving }) => isLeaving);
    for (const device of leaving.sort((a, b) => a.slot - b.slot)) this.#unplug(device);
  }

  /** All of them, each controller before what is on it. */
  get all(): Device[] {
    return this.#machine.flatMap((device) => [device, ...device.children]);
  }

  findDrive(name: string): Backend | undefined {
    return this.backends.find(({ deviceName }) => deviceName === name);
  }

  /** By id or by path. REF-106 */
  find(name: string): Device | undefined {
    return this.all.find(({ id, path }) => path === name || (id !== undefined && id === name));
  }

  /** REF-106: the place where all devices are is no device itself. @throws DeviceError REF-E-NOT-DEVICE */
  checkNotPlace(name: string): void {
    if (/^(\/machine(\/peripheral(-anon)?)?)?\/?$/.test(name))
      throw new DeviceError('REF-E-NOT-DEVICE', { id: name });
  }

  /** Of the device that this is a part of: virtio devices have one. REF-106 */
  findPart(name: string): Device | undefined {
    const whole = /^(.+)\/virtio-backend$/.exec(name)?.[1];
    const device = whole === undefined ? undefined : this.find(whole);
    return device?.controller === null ? device : undefined;
  }

  /** The end of the machine: no drive and no device holds a node any more. Gives what storages said to that. */
  clear(): unknown[] {
    const failures: unknown[] = [];
    for (const backend of [...this.backends, ...this.#left]) {
      try {
        this.#graph.change((change) => backend.remove(change));
      } catch (failure) {
        failures.push(failure);
      }
    }
    this.backends.length = 0;
    this.#left.clear();
    this.#machine.length = 0;
    this.#graph.drives.clear();
    return failures;
  }

  /** The uses of nodes that are known here. REF-011 */
  *uses(): Generator<Edge> {
    for (const { edge } of [...this.backends, ...this.#left]) if (edge !== null) yield edge;
  }

  /** A tray moves, if it is not there already. REF-108 */
  moveTray(device: Device, open: boolean): void {
    if (device.isTrayOpen === open) return;
    device.isTrayOpen = open;
    const name = device.backend?.deviceName ?? '';
    this.#emit(event('DEVICE_TRAY_MOVED', { device: name, id: device.qdev, 'tray-open': open }));
  }

  /** REF-102 */
  #placeFor(model: Model, bus: string | undefined): Place {
    const controllers = this.#machine.filter(({ model: { kind } }) => kind === 'controller');
    if (bus === undefined) {
      if (model.bus === 'PCI') return 'machine';
      if (model.bus === 'IDE') throw new DeviceError('REF-E-BUS-FIXED', { bus: IDE_BUSES[0]! });
      const newest = controllers.at(-1);
      if (newest === undefined)
        throw new DeviceError('REF-E-BUS-NONE', { bus: model.bus, driver: model.driver });
      return newest;
    }
    const controller = controllers.find(({ busName }) => busName === bus);
    const kind =
      controller !== undefined
        ? 'SCSI'
        : bus === PCI_BUS
          ? 'PCI'
          : IDE_BUSES.includes(bus)
            ? 'IDE'
            : undefined;
    if (kind === undefined) throw new DeviceError('REF-E-BUS-NOT-FOUND', { bus });
    if (kind !== model.bus) throw new DeviceError('REF-E-BUS-KIND', { driver: model.driver, bus: kind });
    if (kind === 'IDE') throw new DeviceError('REF-E-BUS-FIXED', { bus });
    return controller ?? 'machine';
  }

  #freeSlot(): number {
    const taken = new Set(this.#machine.map(({ slot }) => slot));
    let slot = FIRST_SLOT;
    while (taken.has(slot)) slot++;
    return slot;
  }

  /** @throws DeviceError REF-E-PROPERTY, REF-E-PROPERTY-SWITCH, REF-E-DRIVE-NOT-FOUND, REF-E-DRIVE-IN-USE */
  #properties(model: Model, given: ReadonlyMap<string, string>): DiskOptions {
    for (const name of given.keys()) {
      if (!model.properties.has(name))
        throw new DeviceError('REF-E-PROPERTY', { driver: model.driver, name });
    }
    return {
      shareRw: switchOf('share-rw', given.get('share-rw')),
      removable: switchOf('removable', given.get('removable')),
      drive: this.#drive(model, given.get('drive') ?? ''),
    };
  }

  /** What `drive` names: a drive, else a node. */
  #drive(model: Model, drive: string): Backend | Node | null {
    if (drive === '') return null;
    const named = this.findDrive(drive);
    if (named?.device) throw new DeviceError('REF-E-DRIVE-IN-USE', { drive });
    const found = named ?? this.#graph.find(drive);
    if (found === undefined)
      throw new DeviceError('REF-E-DRIVE-NOT-FOUND', { driver: model.part ?? model.driver, drive });
    return found;
  }

  /** REF-103 @throws DeviceError REF-E-DRIVE-MISSING, REF-E-DRIVE-EMPTY; BlockError REF-E-CONFLICT */
  #attach(device: Device, disk: DiskOptions): void {
    const isCdrom = device.model.kind === 'cdrom';
    const { drive } = disk;
    if (drive === null && !isCdrom) throw new DeviceError('REF-E-DRIVE-MISSING');
    const isRemovable = isCdrom || disk.removable;
    const backend = drive instanceof Backend ? drive : new Backend(undefined);
    const node = drive instanceof Backend ? null : drive;
    this.#graph.ageOf(backend);
    if (!isRemovable && backend.node === null && node === null) throw new DeviceError('REF-E-DRIVE-EMPTY');
    backend.device = device;
    try {
      this.#graph.change((change) => {
        if (node !== null) backend.insert(change, node);
        backend.need(change, device.permissions(backend, disk));
        if (device.controller === null || backend.node === null) return;
        change.check(); // a conflict is told first
        checkBlockers(backend.node, 'dataplane');
      });
    } catch (refusal) {
      backend.device = null;
      throw refusal;
    }
    device.backend = backend;
    device.isRemovable = isRemovable;
    if (!this.backends.includes(backend)) this.backends.push(backend);
  }

  /** REF-105: the newest child first, then the device with its part; a drive goes with its device. */
  #unplug(device: Device): void {
    for (const child of [...device.children].reverse()) this.#unplug(child);
    const siblings = device.controller?.children ?? this.#machine;
    siblings.splice(siblings.indexOf(device), 1);
    const { backend, id, path } = device;
    if (backend !== null) {
      this.backends.splice(this.backends.indexOf(backend), 1);
      if (backend.deviceName !== undefined) {
        if (backend.node !== null) this.#driveLeaves(backend.node);
        this.#graph.drives.delete(backend.deviceName);
      }
      this.#graph.change((change) => this.#leave(change, backend));
    }
    if (device.controller === null) this.#emit(event('DEVICE_DELETED', { path: `${path}/virtio-backend` }));
    this.#emit(event('DEVICE_DELETED', id === undefined ? { path } : { device: id, path }));
  }

  /** An export of what is in a drive keeps it, under no name. REF-105 */
  #leave(change: GraphChange, backend: Backend): void {
    backend.device = null;
    if (backend.shown.size === 0) backend.remove(change);
    else {
      backend.deviceName = undefined;
      this.#left.add(backend);
      backend.need(change, NOTHING);
    }
  }

  /** An export of what is in the drive, by the name of the drive, goes. */
  unshow(backend: Backend, shown: object): void {
    backend.shown.delete(shown);
    if (backend.shown.size > 0 || !this.#left.delete(backend)) return;
    this.#graph.change((change) => backend.remove(change));
  }
}

function switchOf(name: string, text: string | undefined): boolean {
  if (text === undefined || ['off', 'no', 'false', 'n'].includes(text)) return false;
  if (['on', 'yes', 'true', 'y'].includes(text)) return true;
  throw new DeviceError('REF-E-PROPERTY-SWITCH', { name });
}

function event(name: string, data: { readonly [member: string]: string | boolean }): JsonObject {
  return jsonObject({ event: name, data: jsonObject(data) });
}
