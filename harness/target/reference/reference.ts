/** The specification itself as a target: in this process, with files in memory. A new machine for every case. */

import type { JsonObject } from '../../../spec/json/value.js';
import { COMMANDS } from '../../../spec/qmp/command-table.js';
import { BlockdevDriver } from '../../../spec/qmp/commands/blockdev-options.js';
import { VERSION } from '../../../spec/qmp/commands/introspection.js';
import { Monitor } from '../../../spec/qmp/monitor.js';
import { clientCapabilities } from '../clients.js';
import {
  type CaseContext,
  type Identity,
  type IoOutcome,
  type IoRequest,
  type NodeObservation,
  type OpenOptions,
  type Reply,
  type Session,
  type Target,
  TargetFault,
} from '../target.js';
import { ReferenceFormat } from './format.js';
import { DIRECTORY, ReferenceModel } from './model.js';
import { ReferenceNbd } from './nbd.js';
import { ReferenceTools, toolCapabilities } from './tools.js';

const CAPABILITIES = [
  'bytes',
  'format',
  'repair',
  'restart',
  'qmp',
  'node',
  'bitmap',
  'transaction',
  'resize',
  'devices',
  'close',
  'nbd',
  'target-id',
  ...BlockdevDriver.values.map(({ name }) => `driver:${name}`),
];

export function createReferenceTarget(): Target {
  return new ReferenceTarget();
}

class ReferenceTarget implements Target {
  readonly name = 'reference';
  readonly kind = 'reference';
  #identity: Identity | null = null;

  /** Asked before every history: to look for programs takes longer than a step of one. */
  async identify(): Promise<Identity> {
    this.#identity ??= this.#look();
    return this.#identity;
  }

  #look(): Identity {
    const { major, minor, micro } = VERSION.qemu;
    const version = `${major}.${minor}.${micro}`;
    return {
      program: `the reference, following QEMU ${version}`,
      version,
      capabilities: new Set([
        ...CAPABILITIES,
        ...toolCapabilities(),
        ...clientCapabilities(),
        ...[...COMMANDS.keys()].map((name) => `command:${name}`),
      ]),
      formats: new Set(['raw', 'overlay']),
    };
  }

  async begin(context: CaseContext): Promise<Session> {
    return new ReferenceSession(context);
  }

  async close(): Promise<void> {
    // Nothing outlives a session.
  }
}

class ReferenceSession implements Session {
  readonly directory = DIRECTORY;
  readonly #model: ReferenceModel;
  readonly format: ReferenceFormat;
  readonly tools: ReferenceTools;
  readonly nbd: ReferenceNbd;
  readonly #events: JsonObject[] = [];
  #monitor!: Monitor;

  constructor({ format, limitMs }: CaseContext) {
    this.nbd = new ReferenceNbd(() => this.#model.machine.exports, DIRECTORY, limitMs);
    this.#model = new ReferenceModel(format, this.nbd.listener);
    this.format = new ReferenceFormat(this.#model.storage, DIRECTORY);
    this.tools = new ReferenceTools(this.#model.storage, DIRECTORY, format);
    this.#connect();
  }

  #connect(): void {
    this.#monitor = new Monitor(this.#model.machine);
    this.#monitor.feed('{"execute": "qmp_capabilities"}');
  }

  async create(name: string, size: number): Promise<void> {
    this.#model.create(name, size);
  }

  async open(node: string, options: OpenOptions): Promise<Reply> {
    return this.#model.open(node, options);
  }

  async drive(id: string, readOnly: boolean): Promise<Reply> {
    return this.#model.drive(id, readOnly);
  }

  async bytes(name: string): Promise<Uint8Array | null> {
    return this.#model.bytes(name);
  }

  async qmp(command: string, args: JsonObject | undefined): Promise<Reply> {
    const execute = (): Reply => this.#model.execute(command, args);
    return command === 'nbd-server-start' ? this.nbd.start(args, execute) : execute();
  }

  async qmpText(text: string): Promise<Reply> {
    const [reply] = this.#monitor.feed(`${text}\n`);
    // A text that is not complete gets no answer, here or anywhere: the others find out by their limit.
    if (reply === undefined)
      throw new TargetFault('hang', `no reply to ${JSON.stringify(text)}: it is not complete`);
    // A reply to a text has the form of the wire: no id of an error, but that of the request.
    return reply as unknown as Reply;
  }

  async io(node: string, request: IoRequest): Promise<IoOutcome> {
    return this.#model.io(node, request);
  }

  async observe(node: string): Promise<NodeObservation | Reply> {
    return this.#model.observe(node);
  }

  async restart(how: 'quit' | 'kill'): Promise<void> {
    this.#model.restart(how);
    this.nbd.close();
    this.#events.length = 0;
    this.#connect();
  }

  events(): JsonObject[] {
    this.#events.push(...this.#model.machine.takeEvents());
    return this.#events.splice(0);
  }

  /** Time passes for jobs only here. */
  async moreEvents(): Promise<boolean> {
    do this.#events.push(...this.#model.machine.takeEvents());
    while (this.#events.length === 0 && this.#model.machine.step());
    return this.#events.length > 0;
  }

  get formatDriver(): string {
    return this.#model.formatDriver;
  }

  async end(): Promise<void> {
    await this.nbd.end();
    const wrong = this.#model.machine.verify();
    if (wrong.length > 0)
      throw new TargetFault('crash', `the reference contradicts itself: ${wrong.join('; ')}`);
  }
}
