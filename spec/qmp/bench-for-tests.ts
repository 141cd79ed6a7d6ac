/** A machine over a few images, and short ways to ask it. Only tests import this. */
import type { Test } from 'tap';
import { permissionNames, permissionsOf } from '../block/permissions.js';
import { nodeSha256 } from '../host/sha256.js';
import { type Json, jsonObject } from '../json/value.js';
import { createImage } from '../qbm/create.js';
import { imageRef } from '../qbm/descriptor.js';
import { MemoryStorage } from '../storage/memory-storage.js';
import { QmpError } from './errors.js';
import { Machine } from './machine.js';

export const SIZE = 1048576;

export class Bench {
  readonly storage = new MemoryStorage();
  machine = new Machine({ storage: this.storage, makeHash: nodeSha256 });

  /** Images that can have a backing file, each `SIZE` bytes. */
  constructor(...names: string[]) {
    this.storage.put('base.data', SIZE);
    for (const name of names) {
      const backing = imageRef('base.data', 'raw');
      createImage(this.storage, `${name}.qbm`, { size: SIZE, backing, makeHash: nodeSha256 });
    }
  }

  /** 'ok', or the refusal. */
  qmp(name: string, args: { readonly [argument: string]: Json }): string {
    try {
      this.machine.execute({ name, arguments: jsonObject(args) });
      return 'ok';
    } catch (error) {
      if (!(error instanceof QmpError)) throw error;
      return `${error.id}: ${error.desc}`;
    }
  }

  /** Another machine over the same files: the one before has ended, in order or not. */
  restart(how: 'quit' | 'kill'): void {
    if (how === 'quit') this.machine.shutDown();
    else this.storage.forgetLocks();
    this.machine = new Machine({ storage: this.storage, makeHash: nodeSha256 });
  }

  reopen(...options: { readonly [option: string]: Json }[]): string {
    return this.qmp('blockdev-reopen', { options: options.map((each) => jsonObject(each)) });
  }

  write(node: string, offset: number, byte: number): void {
    const errno = this.machine.io(node, { op: 'write', offset, bytes: new Uint8Array(65536).fill(byte) });
    if (typeof errno === 'string') throw new Error(errno);
  }

  byte(node: string, offset: number): number {
    const bytes = this.machine.io(node, { op: 'read', offset, length: 1 });
    if (typeof bytes === 'string') throw new Error(bytes);
    return bytes[0]!;
  }

  /** "b qbm, over a; a qbm read-only": nodes that somebody named, newest first */
  get nodes(): string {
    const named = this.machine.graph.nodes.filter(
      ({ name }) => !name.startsWith('#') && !name.endsWith('-file'),
    );
    return named
      .map((node) => {
        const below = node.backing === null ? '' : ` over ${node.backing.name}`;
        return `${node.name}${node.readOnly ? ' read-only' : ''}${below}`;
      })
      .join('; ');
  }

  /** Names and counts of the bitmaps of a node, in bytes. */
  bitmaps(node: string): string {
    const { bitmaps } = this.machine.graph.find(node)!;
    return bitmaps
      .map(({ name, count, persistent }) => `${name} ${count}${persistent ? ' stored' : ''}`)
      .join(', ');
  }

  /** A node on the image of the same name. */
  add(name: string, more: { readonly [option: string]: Json } = {}): string {
    const file = jsonObject({ driver: 'file', filename: `${name}.qbm`, 'node-name': `${name}-file` });
    return this.qmp('blockdev-add', { driver: 'qbm', 'node-name': name, file, ...more });
  }

  del(name: string): string {
    return this.qmp('blockdev-del', { 'node-name': name });
  }

  resize(name: string): string {
    return this.qmp('block_resize', { 'node-name': name, size: 2 * SIZE });
  }

  /** What the users of a node need together, and share. */
  permissions(name: string): string {
    const { needs, shares } = permissionsOf(this.machine.graph.find(name)!);
    return `${permissionNames(needs)} / ${permissionNames(shares)}`;
  }

  /** Takes every node away from above, and looks whether that is all. */
  end(t: Test): void {
    t.same(this.machine.verify(), []);
    for (let left = true; left; ) {
      left = this.machine.graph.nodes.some((node) => this.del(node.name) === 'ok');
    }
    t.same(this.machine.graph.nodes, []);
  }
}
