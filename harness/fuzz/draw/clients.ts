/** Clients of NBD exports on the model: that they are there counts, and what they write is written. What they read is not looked at. */
import type { Node } from '../../../spec/block/node.js';
import type { NodeExport } from '../../../spec/nbd/node-export.js';
import type { Machine } from '../../../spec/qmp/machine.js';
import type { Action } from '../../case/case.js';

type Nbd = Extract<Action, { verb: 'nbd' }>;
type Request = Extract<Nbd, { op: 'request' }>;

/** A client of an export. */
export interface Client {
  readonly node: Node;
  readonly replies: 'simple' | 'structured';
}

interface Connection {
  readonly replies: Client['replies'];
  /** null: it is in the handshake */
  used: { readonly export: NodeExport; readonly close: () => void } | null;
  /** it has said that it wants no export: the server hangs up */
  isLeaving: boolean;
}

/** NBD_OPT_ABORT */
const ABORT = 2;

const OPTIONS = /^(list|info|contexts|choose|option|go)$/;
const CHANGES = /^(write|zero|trim)$/;

/** A server for so few has no place for the harness beside the clients of a history, whoever else asks. */
const FEW = 16;
/** Where nobody says. */
const MANY = 100;

export class Clients {
  readonly #machine: () => Machine;
  readonly #connections = new Map<string, Connection>();
  /** how many the server takes at once; 0: any number */
  #most = MANY;
  /** whether the server that has ended last had no place left */
  wasFull = false;

  /** @param machine the one that there is now */
  constructor(machine: () => Machine) {
    this.#machine = machine;
  }

  /** The client that has this connection, or had it. */
  find(connection: string): Client | undefined {
    const { used = null, replies = 'simple' } = this.#connections.get(connection) ?? {};
    if (used === null) return undefined;
    // What is put over a node that is exported is what its clients have from then on.
    return { node: used.export.edge.child, replies };
  }

  /** A server takes as many at once as it was told (NBD-040), and clients go with it. */
  see(action: Action, isDone: boolean): void {
    if (action.verb === 'restart' || action.verb === 'kill') this.#connections.clear();
    if (action.verb !== 'qmp' || !isDone) return;
    if (action.command === 'nbd-server-start')
      this.#most = Number(action.arguments?.['max-connections'] ?? MANY);
    if (action.command === 'nbd-server-stop')
      this.wasFull = this.#most > 0 && this.#connections.size >= this.#most;
    if (/^nbd-server-(start|stop)$/.test(action.command)) this.#connections.clear();
  }

  act(action: Nbd): void {
    if (action.op === 'connect') this.#connect(action);
    if (action.op === 'go') this.#enter(action.connection, action.export);
    // Who waits for the end has said that there is nothing more to say.
    if (action.op === 'disconnect' || action.op === 'ended') this.#end(action.connection);
    if (action.op === 'request') this.#change(action);
    const connection = this.#connections.get(action.op === 'run' ? '' : action.connection);
    if (action.op === 'option' && action.option === ABORT && connection !== undefined)
      connection.isLeaving = true;
  }

  /** Whether somebody is connected who has not chosen an export. */
  get areShakingHands(): boolean {
    return [...this.#connections.values()].some(({ used }) => used === null);
  }

  /** Whether this is a change that the export of the client does not take (NBD-012). */
  refuses(action: Action): boolean {
    if (action.verb !== 'nbd' || action.op !== 'request' || !CHANGES.test(String(action.request)))
      return false;
    const one = this.#connections.get(action.connection)?.used?.export;
    return one !== undefined && (!one.isWritable || action.offset + action.length > one.size);
  }

  /** Whether an option comes after the handshake, or a request before its end: what the server takes its bytes for is luck. */
  speaksOutOfTurn(action: Action): boolean {
    if (action.verb !== 'nbd' || action.op === 'run') return false;
    const connection = this.#connections.get(action.connection);
    if (connection === undefined) return false;
    return connection.used === null ? action.op === 'request' : OPTIONS.test(action.op);
  }

  /** Whether the step is answered by nobody: it comes where the server has no place, or waits for an end that there is no reason for. */
  waitsInVain(action: Action): boolean {
    if (action.verb === 'nbd' && action.op === 'ended')
      return this.#connections.get(action.connection)?.isLeaving === false;
    const { isServing } = this.#machine().exports;
    if (!isServing || this.#most === 0 || this.#most > FEW) return false;
    if (action.verb === 'io' || action.verb === 'observe') return true;
    if (action.verb !== 'nbd') return false;
    return action.op === 'run' || (action.op === 'connect' && this.#connections.size >= this.#most);
  }

  #connect({ connection, replies, export: name }: Extract<Nbd, { op: 'connect' }>): void {
    this.#end(connection);
    if (!this.#machine().exports.isServing) return;
    this.#connections.set(connection, { replies, used: null, isLeaving: false });
    if (name !== null) this.#enter(connection, name);
  }

  #enter(name: string, exportName: string): void {
    const connection = this.#connections.get(name);
    const found = this.#machine().exports.all.find((one) => one.name === exportName);
    if (connection?.used !== null || found === undefined) return;
    const close = (): void => {};
    found.connected(close);
    connection.used = { export: found, close };
  }

  #end(name: string): void {
    const { used = null } = this.#connections.get(name) ?? {};
    used?.export.disconnected(used.close);
    this.#connections.delete(name);
  }

  #change({ connection, request, offset, length, pattern }: Request): void {
    const one = this.#connections.get(connection)?.used?.export;
    if (one === undefined || !this.#machine().exports.all.includes(one)) return;
    if (!one.isWritable || offset + length > one.size) return;
    if (request === 'write') one.request({ op: 'write', offset, bytes: bytesOf(length, pattern) });
    if (request === 'zero') one.request({ op: 'zero', offset, length });
    if (request === 'trim') one.request({ op: 'discard', offset, length });
  }
}

function bytesOf(length: number, pattern = 0xcd): Uint8Array {
  return new Uint8Array(length).fill(pattern);
}
