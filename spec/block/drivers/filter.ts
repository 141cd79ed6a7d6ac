/** What all filters have in common: everything goes to the child as it came, until one of them says otherwise. FILTERS.md, REF-080. */
import { type JsonObject, jsonObject } from '../../json/value.js';
import type { Edge } from '../edge.js';
import type { Leg, Passing } from '../held/route.js';
import type { Node } from '../node.js';
import { copyUp, discard, flush, read, write, zero } from '../request.js';
import { truncate } from '../resize.js';
import type { DriverStatus } from '../status.js';
import type { Driver } from './driver.js';

export abstract class FilterDriver implements Driver {
  abstract readonly name: string;
  readonly isFilter: boolean = true;
  readonly canDiscard: boolean = true;
  protected readonly file: Edge;

  constructor(file: Edge) {
    this.file = file;
  }

  get shown(): Node {
    return this.file.child;
  }

  get unmapsZeros(): boolean {
    return this.file.child.driver.unmapsZeros === true;
  }

  get clusterSize(): number | null {
    return this.file.child.driver.clusterSize;
  }

  get hasDirtyFlag(): boolean {
    return this.file.child.driver.hasDirtyFlag;
  }

  length(): number {
    return this.file.child.size;
  }

  read(offset: number, into: Uint8Array): void {
    read(this.file.child, offset, into);
  }

  write(offset: number, bytes: Uint8Array): void {
    write(this.file.child, offset, bytes);
  }

  zero(offset: number, length: number): void {
    zero(this.file.child, offset, length);
  }

  discard(offset: number, length: number): void {
    discard(this.file.child, offset, length);
  }

  copyUp(offset: number, length: number): void {
    copyUp(this.file.child, offset, length);
  }

  status(offset: number, length: number): DriverStatus {
    return { length, content: 'child', at: { node: this.file.child, offset } };
  }

  *route(passing: Passing): Iterable<Leg> {
    yield { ...passing, node: this.file.child };
  }

  flush(): void {
    flush(this.file.child);
  }

  truncate(size: number): void {
    truncate(this.file.child, size);
  }

  follows(edge: Edge): boolean {
    return edge === this.file;
  }

  checkFile(): void {
    // Any node can be below.
  }

  close(): void {
    // The child is closed by whoever holds it.
  }

  filename(): string {
    return this.file.child.filename;
  }

  describe(): JsonObject {
    return jsonObject({ driver: this.name, file: this.file.child.shownOptions });
  }
}
