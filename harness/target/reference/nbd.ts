/**
 * The NBD server of the reference for clients outside of this process: where a case says `/case/socket`, there is a real
 * socket in a directory of the session's own.
 */
import { SocketListener } from '../../../spec/host/daemon/nbd-listener.js';
import { isJsonObject, type JsonObject } from '../../../spec/json/value.js';
import type { NbdAddress } from '../../../spec/nbd/address.js';
import type { Exports, NbdListener } from '../../../spec/nbd/exports.js';
import { runClient } from '../clients.js';
import { ScratchDirectory } from '../process.js';
import type { NbdPart, Reply, ToolOutcome } from '../target.js';

export class ReferenceNbd implements NbdPart {
  readonly listener: NbdListener;
  readonly #exports: () => Exports;
  readonly #sockets: SocketListener;
  readonly #caseDirectory: string;
  readonly #limitMs: number;
  #scratch: ScratchDirectory | null = null;
  #isPrepared = false;

  /** @param exports those of the machine that there is when a client comes */
  constructor(exports: () => Exports, caseDirectory: string, limitMs: number) {
    this.#exports = exports;
    this.#sockets = new SocketListener(exports, () => {});
    this.#caseDirectory = caseDirectory;
    this.#limitMs = limitMs;
    this.listener = {
      // Where the case has no socket nobody listens: its clients could not find it.
      open: (address, most) => {
        if (this.#isPrepared) this.#sockets.open(address, most);
      },
      close: () => this.#sockets.close(),
    };
  }

  get directory(): string {
    this.#scratch ??= new ScratchDirectory();
    return this.#scratch.path;
  }

  async prepare(): Promise<void> {
    // Requests of the harness need no export here.
  }

  async run(words: readonly string[]): Promise<ToolOutcome> {
    return runClient(words, this.directory, this.#limitMs);
  }

  /** `nbd-server-start`, with its real address prepared; the reply shows the address that the case knows. */
  async start(args: JsonObject | undefined, execute: () => Reply): Promise<Reply> {
    // While it serves nothing is asked of the operating system: the command will be refused.
    const address = this.#exports().isServing ? null : this.#addressOf(args);
    if (address !== null) await this.#sockets.prepare(address);
    this.#isPrepared = address !== null;
    const reply = execute();
    this.#isPrepared = false;
    this.#sockets.forget();
    if ('return' in reply) return reply;
    const desc =
      address === null ? reply.error.desc : reply.error.desc.replaceAll(this.directory, this.#caseDirectory);
    return { ...reply, error: { ...reply.error, desc } };
  }

  /** The machine is gone, without having stopped its server. */
  close(): void {
    this.#sockets.close();
  }

  async end(): Promise<void> {
    this.close();
    await this.#scratch?.remove();
    this.#scratch = null;
  }

  #addressOf(args: JsonObject | undefined): NbdAddress | null {
    const addr = args?.addr;
    if (!isJsonObject(addr ?? null)) return null;
    const { type, data } = addr as JsonObject;
    if (type !== 'unix' || !isJsonObject(data ?? null)) return null;
    const { path } = data as JsonObject;
    if (typeof path !== 'string' || !path.startsWith(`${this.#caseDirectory}/`)) return null;
    return { type, data: { path: this.directory + path.slice(this.#caseDirectory.length) } };
  }
}
