/** Clients of the NBD server that a case has on a program that speaks QMP. */
import { isJsonObject, type JsonObject } from '../../../spec/json/value.js';
import { runClient } from '../clients.js';
import type { NbdPart, ToolOutcome } from '../target.js';

export class QmpNbd implements NbdPart {
  readonly directory: string;
  readonly #release: () => Promise<void>;
  readonly #limitMs: number;

  /** @param release removes the exports that the harness has kept open: no client shall see these */
  constructor(directory: string, release: () => Promise<void>, limitMs: number) {
    this.directory = directory;
    this.#release = release;
    this.#limitMs = limitMs;
  }

  async prepare(): Promise<void> {
    await this.#release();
  }

  async run(words: readonly string[]): Promise<ToolOutcome> {
    return runClient(words, this.directory, this.#limitMs);
  }
}

/** The unix socket at which the arguments of nbd-server-start want the server to listen; null for another place. */
export function socketPath(args: JsonObject | undefined): string | null {
  const addr = args?.addr;
  if (addr === undefined || !isJsonObject(addr) || addr.type !== 'unix') return null;
  const { data = null } = addr;
  return isJsonObject(data) && typeof data.path === 'string' ? data.path : null;
}
