/** The step `nbd`: what our own client does on a connection of the case's NBD server, or a real client is run. */

/** How a request may be marked, by the names that the protocol has for the flags. */
export const REQUEST_FLAGS = { fua: 1, 'no-hole': 2, df: 4, one: 8, 'fast-zero': 16 } as const;
export type RequestFlag = keyof typeof REQUEST_FLAGS;

/** The requests that have names, with their numbers. */
export const REQUESTS = { read: 0, write: 1, flush: 3, trim: 4, cache: 5, zero: 6, status: 7 } as const;
export type RequestName = keyof typeof REQUESTS;

/** The programs that a case may run as clients; each is a capability of its own, `client:NAME`. */
export const CLIENTS = ['nbdinfo', 'nbdcopy', 'nbdsh', 'qemu-img', 'qemu-io', 'qemu-nbd'] as const;

/** A request as it is sent: nothing about it need be right. Offset and length in bytes. */
export interface NbdRequestStep {
  readonly op: 'request';
  /** a number for a type of which the case does not expect that it is known */
  readonly request: RequestName | number;
  readonly offset: number;
  readonly length: number;
  readonly flags: readonly RequestFlag[];
  /** of a write: its bytes; of a read: what is expected */
  readonly pattern: number | undefined;
  /** of a read: print the chunks of the reply, too */
  readonly chunks: boolean;
}

/** What is done on one connection. */
export type NbdConnectionStep =
  | {
      readonly op: 'connect';
      /** the file of the case that is the socket */
      readonly socket: string;
      readonly replies: 'simple' | 'structured';
      /** null: the connection stays in the handshake */
      readonly export: string | null;
      readonly contexts: readonly string[];
    }
  | { readonly op: 'list' }
  | { readonly op: 'disconnect' | 'ended' }
  | { readonly op: 'info' | 'go'; readonly export: string }
  | { readonly op: 'contexts' | 'choose'; readonly export: string; readonly queries: readonly string[] }
  | { readonly op: 'option'; readonly option: number; readonly hex: string }
  | NbdRequestStep;

export type NbdAction = { readonly verb: 'nbd' } & (
  | ({ readonly connection: string } & NbdConnectionStep)
  | { readonly op: 'run'; readonly words: readonly string[] }
);
