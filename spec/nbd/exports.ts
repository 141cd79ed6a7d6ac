/** The exports of a machine, and the server that shows them. NBD.md, NBD-023 to NBD-028. */
import { bitmapUsable, KEEP } from '../bitmap/check.js';
import type { DirtyBitmap } from '../bitmap/dirty-bitmap.js';
import type { Edge } from '../block/edge.js';
import type { Graph } from '../block/graph.js';
import type { Node } from '../block/node.js';
import { type JsonObject, jsonObject } from '../json/value.js';
import { checkAddress, type NbdAddress } from './address.js';
import { NbdConnection } from './connection.js';
import { LONGEST_STRING } from './constants.js';
import { NbdError } from './errors.js';
import { type ExportOptions, NodeExport } from './node-export.js';
import { type Room, text } from './output.js';

/** A bitmap by its name, wherever in the chain of the node it is, or by whatever finds it. */
export type BitmapChoice = string | (() => DirtyBitmap);

/** How a server is to be, besides its address. */
export interface ServerOptions {
  /** at once (NBD-040); 0: any number; default 100 */
  readonly mostConnections?: number | undefined;
  /** id of credentials for TLS, of which there are none here */
  readonly tlsCreds?: string | undefined;
}

/** Where clients come from: outside of the machine, if it has an outside. */
export interface NbdListener {
  /** @throws NbdError NBD-E-BIND */
  open(address: NbdAddress, mostConnections: number): void;
  close(): void;
}

/** `bitmap-…`, `e1`: how ids have to look. NBD-026 */
const ID = /^[A-Za-z][A-Za-z0-9._-]*$/;

/** NBD-040: how many clients there may be at once where nobody says. */
const MOST_CONNECTIONS = 100;

export class Exports {
  readonly #graph: Graph;
  readonly #emit: (event: JsonObject) => void;
  /** of exports that went with their medium */
  readonly #late: JsonObject[] = [];
  readonly #listener: NbdListener | null;
  /** oldest first */
  readonly #exports: NodeExport[] = [];
  readonly #clients = new Set<NbdConnection>();
  isServing = false;
  /** at most one client at once */
  #isForOne = false;

  constructor(graph: Graph, emit: (event: JsonObject) => void, listener: NbdListener | null) {
    this.#graph = graph;
    this.#emit = emit;
    this.#listener = listener;
  }

  /** Newest first. */
  get all(): NodeExport[] {
    return [...this.#exports].reverse();
  }

  /** The uses of nodes by exports, for those who count. */
  uses(): Edge[] {
    return this.#exports.map(({ edge }) => edge);
  }

  /** The bitmaps that are busy because of an export. */
  bitmaps(): DirtyBitmap[] {
    return this.#exports.flatMap(({ bitmaps }) => bitmaps);
  }

  /**
   * nbd-server-start.
   * @throws NbdError NBD-E-RUNNING, NBD-E-FAMILIES, NBD-E-CID, NBD-E-VSOCK-PORT, NBD-E-BIND, NBD-E-TLS
   */
  start(address: NbdAddress, { mostConnections = MOST_CONNECTIONS, tlsCreds }: ServerOptions): void {
    if (this.isServing) throw new NbdError('NBD-E-RUNNING');
    // NBD-043
    checkAddress(address);
    this.#listener?.open(address, mostConnections);
    if (tlsCreds !== undefined) {
      this.#listener?.close();
      throw new NbdError('NBD-E-TLS', { id: tlsCreds });
    }
    this.#isForOne = mostConnections === 1;
    this.isServing = true;
  }

  /** nbd-server-stop: every export goes, whoever uses it. @throws NbdError NBD-E-NOT-RUNNING */
  stop(): void {
    if (!this.isServing) throw new NbdError('NBD-E-NOT-RUNNING');
    this.isServing = false;
    this.#listener?.close();
    for (const client of this.#clients) client.close();
    this.#clients.clear();
    for (const one of [...this.#exports]) this.#emit(this.#drop(one));
  }

  /**
   * A client. Whoever has its socket moves the bytes, and calls {@link disconnect} at its end.
   * @param ended called when the server ends the connection: what was to be sent may still be
   * @param room where replies are put together; default: new memory
   */
  connect(ended?: () => void, released?: () => void, room?: Room): NbdConnection {
    const exports = this;
    const server = {
      get exports() {
        return exports.#exports;
      },
      get isForOne() {
        return exports.#isForOne;
      },
    };
    const client = new NbdConnection(server, ended, released, room);
    this.#clients.add(client);
    return client;
  }

  disconnect(client: NbdConnection): void {
    client.close();
    this.#clients.delete(client);
  }

  /** NBD-026: ids are of a form, and there is one of each. @throws NbdError NBD-E-ID, NBD-E-ID-TAKEN */
  checkId(id: string): void {
    if (!ID.test(id)) throw new NbdError('NBD-E-ID');
    if (this.#exports.some((one) => one.id === id)) throw new NbdError('NBD-E-ID-TAKEN', { id });
  }

  /** NBD-024 @throws NbdError NBD-E-READ-ONLY */
  checkWritable(node: Node, isWritable: boolean): void {
    if (isWritable && node.readOnly) throw new NbdError('NBD-E-READ-ONLY');
  }

  /**
   * block-export-add, whose id was checked.
   * @throws BlockError REF-E-CONFLICT; NbdError; BitmapError BMP-E-BUSY, BMP-E-INCONSISTENT; nothing has changed then
   */
  add(node: Node, options: ExportOptions, choices: readonly BitmapChoice[]): NodeExport {
    this.checkWritable(node, options.isWritable);
    const one = new NodeExport(options, this.#graph.requests, () => this.#find(node, options, choices));
    one.edge = this.#graph.change((change) => change.hold(one, node, 'root', one.permissions));
    try {
      this.#checkNames(options);
      one.show();
    } catch (refusal) {
      this.#graph.change((change) => change.drop(one.edge));
      throw refusal;
    }
    for (const bitmap of one.bitmaps) bitmap.busy = true;
    this.#exports.push(one);
    return one;
  }

  #checkNames({ name, description }: ExportOptions): void {
    if (!this.isServing) throw new NbdError('NBD-E-NOT-RUNNING');
    // NBD-003
    if (text(name).length > LONGEST_STRING) throw new NbdError('NBD-E-NAME-LONG', { name });
    if (description !== null && text(description).length > LONGEST_STRING) {
      throw new NbdError('NBD-E-DESCRIPTION-LONG', { description });
    }
    if (this.#exports.some((one) => one.name === name)) throw new NbdError('NBD-E-NAME-TAKEN', { name });
  }

  /** NBD-025 */
  #find(node: Node, { isWritable }: ExportOptions, choices: readonly BitmapChoice[]): DirtyBitmap[] {
    return choices.map((choice) => {
      const bitmap = typeof choice === 'string' ? inChain(node, choice, isWritable) : choice();
      bitmapUsable(bitmap, KEEP);
      return bitmap;
    });
  }

  /** block-export-del. @throws NbdError NBD-E-NO-EXPORT, NBD-E-EXPORT-IN-USE */
  remove(id: string, mode: 'safe' | 'hard'): void {
    const one = this.#exports.find((found) => found.id === id);
    if (one === undefined) throw new NbdError('NBD-E-NO-EXPORT', { id });
    // NBD-027
    if (mode === 'safe' && one.isUsed) throw new NbdError('NBD-E-EXPORT-IN-USE', { id });
    this.#emit(this.#drop(one));
  }

  /** The medium that it shows is taken out: it goes, if it is there still, whoever uses it. REF-109 */
  eject(one: NodeExport): void {
    if (this.#exports.includes(one)) this.#late.push(this.#drop(one));
  }

  /** What is to be said after the command that has taken media out, since the last call. REF-140 */
  takeLate(): JsonObject[] {
    return this.#late.splice(0);
  }

  /** The end of the machine. */
  endAll(): void {
    if (this.isServing) this.stop();
  }

  /** @returns the event that says so */
  #drop(one: NodeExport): JsonObject {
    one.close();
    for (const bitmap of one.bitmaps) bitmap.busy = false;
    this.#exports.splice(this.#exports.indexOf(one), 1);
    this.#graph.change((change) => change.drop(one.edge));
    one.whenGone();
    return jsonObject({ event: 'BLOCK_EXPORT_DELETED', data: jsonObject({ id: one.id }) });
  }
}

/**
 * The bitmap of that name on the node, or on the nearest node below from which the node reads.
 * @throws NbdError NBD-E-BITMAP; NBD-E-BITMAP-ENABLED if what clients of a read-only export read of it could change
 */
function inChain(node: Node, name: string, isWritable: boolean): DirtyBitmap {
  for (let layer: Node | null = node; layer !== null; layer = below(layer)) {
    const bitmap = layer.bitmap(name);
    if (bitmap === undefined) continue;
    if (!isWritable && !layer.readOnly && bitmap.enabled)
      throw new NbdError('NBD-E-BITMAP-ENABLED', { name });
    return bitmap;
  }
  throw new NbdError('NBD-E-BITMAP', { name });
}

/** What a node filters, or the backing file of an image. `raw` is a format here: it hides its child. */
function below(node: Node): Node | null {
  const filtered =
    node.driver.isFilter === true ? node.children.find(({ use }) => use === 'filtered') : undefined;
  return filtered?.child ?? node.backing;
}
