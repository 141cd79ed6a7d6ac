/** `throttle`: requests wait until their group lets them through. FILTERS.md, REF-083 and REF-084. */
import { type JsonObject, jsonObject } from '../../json/value.js';
import { writeJson } from '../../json/write.js';
import type { Edge } from '../edge.js';
import { BlockError } from '../errors.js';
import type { Driver, PreparedReopen, ReopenRequest } from './driver.js';
import { FilterDriver } from './filter.js';
import type { ThrottleGroup } from './throttle-group.js';

/** The groups that there are, by their ids. */
export type ThrottleGroups = Pick<ReadonlyMap<string, ThrottleGroup>, 'get'>;

/** @throws BlockError REF-E-NO-GROUP */
export function openThrottle(file: Edge, id: string, groups: ThrottleGroups): Driver {
  return new ThrottleDriver(file, id, groups);
}

/** @throws BlockError REF-E-NO-GROUP */
function groupOf(groups: ThrottleGroups, id: string): ThrottleGroup {
  const group = groups.get(id);
  if (group === undefined) throw new BlockError('REF-E-NO-GROUP', { id });
  return group;
}

class ThrottleDriver extends FilterDriver {
  readonly name = 'throttle';
  readonly #groups: ThrottleGroups;
  #group: ThrottleGroup;

  constructor(file: Edge, id: string, groups: ThrottleGroups) {
    super(file);
    this.#groups = groups;
    this.#group = groupOf(groups, id);
    this.#group.members.add(this);
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

  readonly mutable = new Set(['throttle-group']);

  /** Into another group. Other drivers have none to name, and it has no default. REF-037 */
  reopen({ specific }: ReopenRequest): PreparedReopen {
    const id = specific.get('throttle-group');
    if (id === undefined) throw new BlockError('REF-E-REOPEN-RESET', { option: 'throttle-group' });
    const group = groupOf(this.#groups, String(id));
    return {
      commit: () => {
        this.#group.members.delete(this);
        this.#group = group;
        group.members.add(this);
      },
    };
  }

  override filename(): string {
    return `json:${writeJson(this.describe())}`;
  }

  override describe(): JsonObject {
    const file = this.file.child.shownOptions;
    return jsonObject({ driver: this.name, 'throttle-group': this.#group.id, file });
  }
}
