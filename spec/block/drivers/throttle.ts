/** `throttle`: requests wait until their group lets them through. FILTERS.md, REF-083 and REF-084. */
import { type JsonObject, jsonObject } from '../../json/value.js';
import { writeJson } from '../../json/write.js';
import type { Edge } from '../edge.js';
import type { Driver } from './driver.js';
import { FilterDriver } from './filter.js';
import type { ThrottleGroup } from './throttle-group.js';

export function openThrottle(file: Edge, group: ThrottleGroup): Driver {
  return new ThrottleDriver(file, group);
}

class ThrottleDriver extends FilterDriver {
  readonly name = 'throttle';
  readonly #group: ThrottleGroup;

  constructor(file: Edge, group: ThrottleGroup) {
    super(file);
    this.#group = group;
    group.members.add(this);
  }

  override read(offset: number, into: Uint8Array): void {
    this.#group.admit('read', into.length);
    super.read(offset, into);
  }

  override write(offset: number, bytes: Uint8Array): void {
    this.#group.admit('write', bytes.length);
    super.write(offset, bytes);
  }

  override zero(offset: number, length: number): void {
    this.#group.admit('write', length);
    super.zero(offset, length);
  }

  override discard(offset: number, length: number): void {
    this.#group.admit('write', length);
    super.discard(offset, length);
  }

  override close(): void {
    this.#group.members.delete(this);
  }

  override filename(): string {
    return `json:${writeJson(this.describe())}`;
  }

  override describe(): JsonObject {
    const file = this.file.child.driver.describe();
    return jsonObject({ driver: this.name, 'throttle-group': this.#group.id, file });
  }
}
