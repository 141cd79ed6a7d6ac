/**
 * The harness's own NBD exports on a QMP target: how guest I/O gets to a node and bitmaps are read. Nothing of it
 * shows in a case: the exports have ids of our own, and their events are filtered by these.
 */
import { isJsonObject, type JsonObject } from '../../../spec/json/value.js';
import { NbdClient } from '../../nbd/client.js';
import type { Reply } from '../target.js';
import type { QmpClient } from './client.js';

/** What the ids of our exports, jobs and nodes begin with; no case may use it. */
export const OURS = 'qbm-own-';

/** Whether an event is an effect of the harness's exports and jobs. */
export function isOurEvent(event: JsonObject): boolean {
  const data = isJsonObject(event.data) ? event.data : {};
  const id = data.id ?? data.device;
  return typeof id === 'string' && id.startsWith(OURS);
}

export interface ExportOptions {
  readonly writable: boolean;
  /** bitmaps to be offered as meta contexts */
  readonly bitmaps?: readonly string[];
}

/** An export with a connection to it. */
export interface OpenExport {
  readonly id: string;
  readonly nbd: NbdClient;
}

export class Exports {
  readonly #qmp: QmpClient;
  readonly #path: string;
  #serving = false;
  /** the socket of the server that the case has, if it has one: there can be no other beside it */
  #caseSocket: string | null = null;
  #count = 0;
  /** exports kept open between requests, by node */
  readonly #kept = new Map<string, OpenExport>();

  /** @param path where the target's NBD server shall listen */
  constructor(qmp: QmpClient, path: string) {
    this.#qmp = qmp;
    this.#path = path;
  }

  /**
   * Exports a node and connects to it.
   *
   * @returns the target's error reply if it refuses the export
   * @throws TargetFault
   */
  async open(node: string, options: ExportOptions, limitMs: number): Promise<OpenExport | Reply> {
    await this.#serve(limitMs);
    const id = `${OURS}${++this.#count}`;
    const { writable, bitmaps = [] } = options;
    const args: JsonObject = { type: 'nbd', id, 'node-name': node, name: id, writable };
    if (bitmaps.length > 0) args.bitmaps = [...bitmaps];
    const reply = await this.#qmp.execute('block-export-add', args, limitMs);
    if ('error' in reply) return reply;
    const contexts = bitmaps.map((name) => `qemu:dirty-bitmap:${name}`);
    const path = this.#caseSocket ?? this.#path;
    return { id, nbd: await NbdClient.connect({ path, exportName: id, contexts, limitMs }) };
  }

  /** Removes an export, and waits until it is gone: the reply to block-export-del comes earlier than that. */
  async close({ id, nbd }: OpenExport, limitMs: number): Promise<void> {
    await this.#qmp.causing(
      (event) => event.event === 'BLOCK_EXPORT_DELETED' && isJsonObject(event.data) && event.data.id === id,
      `BLOCK_EXPORT_DELETED of ${id}`,
      limitMs,
      async () => {
        const said = nbd.close();
        await this.#qmp.demand('block-export-del', { id, mode: 'hard' }, limitMs);
        await said;
        return true;
      },
    );
  }

  /** The export of `node` for guest I/O; `keep` says whether it stays open for the next request. */
  async use<T>(
    node: string,
    keep: boolean,
    limitMs: number,
    request: (nbd: NbdClient) => Promise<T>,
  ): Promise<T | Reply> {
    const kept = this.#kept.get(node);
    if (kept !== undefined) return request(kept.nbd);
    let opened = await this.open(node, { writable: true }, limitMs);
    // What is in the way may be a guest of ours on another node, which a case knows nothing of.
    if (!('nbd' in opened) && this.#kept.size > 0) {
      await this.release(limitMs);
      opened = await this.open(node, { writable: true }, limitMs);
    }
    // A node that is read-only, or that another user does not let write, can still be read.
    if (!('nbd' in opened)) opened = await this.open(node, { writable: false }, limitMs);
    if (!('nbd' in opened)) return opened;
    if (keep) {
      this.#kept.set(node, opened);
      return request(opened.nbd);
    }
    const result = await request(opened.nbd);
    await this.close(opened, limitMs);
    return result;
  }

  /** Removes the exports that were kept open. */
  async release(limitMs: number): Promise<void> {
    if (this.#kept.size === 0) return;
    const kept = [...this.#kept.values()];
    this.#kept.clear();
    for (const opened of kept) await this.close(opened, limitMs);
  }

  /** Stops the NBD server, so that the case can have its own. */
  async stopServing(limitMs: number): Promise<void> {
    await this.release(limitMs);
    if (this.#serving) await this.#qmp.demand('nbd-server-stop', undefined, limitMs);
    this.#serving = false;
  }

  /** The case has started a server on this unix socket, or stopped it. */
  useServerOfCase(path: string | null): void {
    this.#caseSocket = path;
  }

  /** Stops every server; for the end of a case. */
  async stopServerOfCase(limitMs: number): Promise<void> {
    await this.stopServing(limitMs);
    this.#caseSocket = null;
    // Whether there is one we may not know: it may have been started by a text, or stopped by an error.
    await this.#qmp.execute('nbd-server-stop', undefined, limitMs);
  }

  /** Ends all connections; for a target that is gone. */
  destroy(): void {
    for (const { nbd } of this.#kept.values()) nbd.destroy();
    this.#kept.clear();
  }

  async #serve(limitMs: number): Promise<void> {
    if (this.#serving || this.#caseSocket !== null) return;
    const addr: JsonObject = { type: 'unix', data: { path: this.#path } };
    await this.#qmp.demand('nbd-server-start', { addr, 'max-connections': 0 }, limitMs);
    this.#serving = true;
  }
}
