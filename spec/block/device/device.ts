/** A guest's device, as far as it holds a node: what it is, where it is plugged in, its tray. DEVICES.md, REF-101 to REF-104. */
import type { Node } from '../node.js';
import { CONSISTENT_READ, type Permissions, RESIZE, WRITE, WRITE_UNCHANGED } from '../permissions.js';
import type { Backend } from './backend.js';

/** Kinds of buses that a device is plugged into. */
export type BusKind = 'PCI' | 'SCSI' | 'IDE';

/** What there is to know of a kind of device. */
export interface Model {
  /** as device_add calls it */
  readonly driver: string;
  readonly bus: BusKind;
  /** `controller`: has no disk but a bus for others; `disk`: has one for good; `cdrom`: may be without */
  readonly kind: 'controller' | 'disk' | 'cdrom';
  /** the name of the part that has the disk, where that is not the device itself */
  readonly part?: string;
  /** of the properties that a disk may have: those that this one has */
  readonly properties: ReadonlySet<string>;
}

const DISK = ['drive', 'serial', 'share-rw'];

const MODELS: readonly Model[] = [
  {
    driver: 'virtio-blk-pci',
    bus: 'PCI',
    kind: 'disk',
    part: 'virtio-blk-device',
    properties: new Set(DISK),
  },
  { driver: 'virtio-scsi-pci', bus: 'PCI', kind: 'controller', properties: new Set() },
  { driver: 'scsi-hd', bus: 'SCSI', kind: 'disk', properties: new Set([...DISK, 'removable']) },
  { driver: 'scsi-cd', bus: 'SCSI', kind: 'cdrom', properties: new Set(DISK) },
  { driver: 'ide-hd', bus: 'IDE', kind: 'disk', properties: new Set(DISK) },
  { driver: 'ide-cd', bus: 'IDE', kind: 'cdrom', properties: new Set(DISK) },
];

const ALIASES: { readonly [alias: string]: string } = {
  'virtio-blk': 'virtio-blk-pci',
  'virtio-scsi': 'virtio-scsi-pci',
};

/** The model of that name; undefined if there is none. */
export function modelOf(driver: string): Model | undefined {
  const name = Object.hasOwn(ALIASES, driver) ? ALIASES[driver] : driver;
  return MODELS.find((model) => model.driver === name);
}

/** What may be asked of a device that has a disk. */
export interface DiskOptions {
  /** others may write to the node */
  readonly shareRw: boolean;
  /** a disk whose medium can be taken out */
  readonly removable: boolean;
  /** a drive, or a node that is no drive's; null if none was named */
  readonly drive: Backend | Node | null;
}

export class Device {
  readonly model: Model;
  readonly id: string | undefined;
  /** where it is in the tree of all objects: "/machine/peripheral/v0" */
  readonly path: string;
  /** the controller that it is plugged into, or null: into the machine */
  readonly controller: Device | null;
  /** of the devices on the machine's bus */
  readonly slot: number;
  /** on its own bus, oldest first */
  readonly children: Device[] = [];
  /** its disk; a controller has none */
  backend: Backend | null = null;
  /** whether its medium can be taken out */
  isRemovable = false;
  isTrayOpen = false;
  /** was asked to go, and goes when the guest lets it, or at a reset */
  isLeaving = false;

  constructor(
    model: Model,
    at: {
      readonly id: string | undefined;
      readonly path: string;
      readonly controller: Device | null;
      readonly slot: number;
    },
  ) {
    this.model = model;
    this.id = at.id;
    this.path = at.path;
    this.controller = at.controller;
    this.slot = at.slot;
  }

  /** As queries, events and errors call the user of a node: the id, or the path of what has no id of its own. */
  get qdev(): string {
    return this.model.bus === 'PCI' ? `${this.path}/virtio-backend` : (this.id ?? this.path);
  }

  /** Of a controller: as `bus` calls it; null if that has no name that could be known. */
  get busName(): string | null {
    return this.id === undefined ? null : `${this.id}.0`;
  }

  /** What it needs of a node that `backend` has, and leaves to others. REF-103 */
  permissions(backend: Backend, { shareRw }: Pick<DiskOptions, 'shareRw'>): Permissions {
    const writes = this.model.kind === 'disk' && backend.isWritable;
    const resizes = this.model.kind === 'disk';
    return {
      needs: CONSISTENT_READ | (writes ? WRITE : 0),
      shares: CONSISTENT_READ | WRITE_UNCHANGED | (resizes ? RESIZE : 0) | (shareRw ? WRITE : 0),
    };
  }
}
