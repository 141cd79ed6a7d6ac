/**
 * `copy-on-read`: what is read from the backing files of its child is copied up into the child. FILTERS.md, REF-081 and REF-082.
 * Offsets and lengths are bytes.
 */
import { type JsonObject, jsonObject } from '../../json/value.js';
import { writeJson } from '../../json/write.js';
import type { Edge } from '../edge.js';
import type { Node } from '../node.js';
import { type Permissions, WRITE_UNCHANGED } from '../permissions.js';
import { read } from '../request.js';
import { isAllocatedAbove } from '../status.js';
import type { Driver } from './driver.js';
import { FilterDriver } from './filter.js';

/** @param bottom what lies below this node is not copied up; null: everything is */
export function openCopyOnRead(file: Edge, bottom: Node | null): Driver {
  return new CopyOnReadDriver(file, bottom);
}

class CopyOnReadDriver extends FilterDriver {
  readonly name = 'copy-on-read';
  readonly #bottom: Node | null;

  constructor(file: Edge, bottom: Node | null) {
    super(file);
    this.#bottom = bottom;
  }

  override read(offset: number, into: Uint8Array): void {
    const { child } = this.file;
    const base = this.#bottom?.backing ?? null;
    const end = Math.min(offset + into.length, child.size);
    for (let at = offset; at < end; ) {
      const own = isAllocatedAbove(child, child.backing, at, end - at);
      if (own.isAllocated || child.driver.copyUp === undefined) at += own.length;
      else {
        const above = isAllocatedAbove(child, base, at, own.length);
        // Without a bottom even what nobody has is copied: zeros.
        if (above.isAllocated || this.#bottom === null) child.driver.copyUp(at, above.length);
        at += above.length;
      }
    }
    read(child, offset, into);
  }

  /** It writes what is there already, whoever uses it. REF-082 */
  childPermissions(_file: Edge, _own: Permissions, { needs, shares }: Permissions): Permissions {
    return { needs: needs | WRITE_UNCHANGED, shares };
  }

  override filename(): string {
    return `json:${writeJson(this.describe())}`;
  }

  override describe(): JsonObject {
    const bottom = this.#bottom === null ? {} : { bottom: this.#bottom.name };
    return jsonObject({ driver: this.name, file: this.file.child.driver.describe(), ...bottom });
  }
}
