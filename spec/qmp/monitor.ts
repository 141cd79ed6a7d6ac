/**
 * One QMP session over text, without a socket: bytes in, replies out, in order. It negotiates, takes commands out of
 * their envelopes, hands them to a machine and puts the answers into envelopes. QMP.md, QMP-001 to QMP-018.
 */
import { type FaultKind, JsonFault } from '../json/fault.js';
import { JsonStream, type StreamLimits } from '../json/stream.js';
import { isJsonObject, type Json, type JsonObject, jsonObject } from '../json/value.js';
import { defineCommand } from './command.js';
import { QmpError } from './errors.js';
import {
  argumentsType,
  envelopeUnexpected,
  executeTwice,
  executeType,
  jsonArraySeparator,
  jsonCharacter,
  jsonColon,
  jsonCount,
  jsonDepth,
  jsonDuplicate,
  jsonEscape,
  jsonKey,
  jsonKeyword,
  jsonObjectSeparator,
  jsonSize,
  jsonStray,
  jsonUtf8,
  jsonValue,
  negotiated,
  negotiateFirst,
  noExecute,
  notObject,
  oobUnsupported,
} from './input-errors.js';
import { array, empty, enumeration, optional, struct } from './types.js';
import { type CommandRequest, parseArguments } from './validate.js';

/** Whatever runs commands: returns what follows `return`, or throws a QmpError. */
export interface MachineLike {
  execute(command: CommandRequest): Json;
}

/** What a monitor says of itself, and its limits. */
export interface MonitorOptions {
  /** what stands in the greeting as `version`; default: QEMU 7.2.22, without a package */
  readonly version?: JsonObject;
  readonly limits?: StreamLimits;
}

/** The capabilities a client may enable. */
export const QMPCapability = enumeration('QMPCapability', [{ name: 'oob', doc: 'commands by `exec-oob`' }]);

/** The session's own command. A table holds it for the schema; {@link Monitor} answers it before any machine. */
export const qmpCapabilities = defineCommand({
  name: 'qmp_capabilities',
  doc: 'Ends the negotiation of capabilities, after which all other commands are open.',
  args: struct('q_obj_qmp_capabilities-arg', {
    enable: optional(array(QMPCapability), { doc: 'capabilities to enable' }),
  }),
  returns: empty,
  rules: ['QMP-002'],
  // QMP-002: it works once
  execute(_session: unknown) {
    throw negotiated();
  },
});

const VERSION = jsonObject({ qemu: jsonObject({ micro: 22, minor: 2, major: 7 }), package: '' });

export class Monitor {
  /** what the session may do: nothing until capabilities are negotiated */
  private negotiated = false;
  private oob = false;
  private readonly stream: JsonStream;
  private readonly machine: MachineLike;
  private readonly version: JsonObject;

  constructor(machine: MachineLike, options: MonitorOptions = {}) {
    this.machine = machine;
    this.version = options.version ?? VERSION;
    this.stream = new JsonStream(options.limits);
  }

  /** What is sent first, before anything is read. QMP-001 */
  greeting(): Json {
    return jsonObject({ QMP: jsonObject({ version: this.version, capabilities: ['oob'] }) });
  }

  /**
   * The replies to the messages that end within `input`, in order; the rest is kept for the next call. Text is taken as
   * its UTF-8. What the machine throws besides a QmpError passes through: it is a mistake of the machine.
   */
  feed(input: string | Uint8Array): Json[] {
    return this.messages(input).map((message) => this.reply(message));
  }

  /** The messages that end within `input`, for those who have to do something between one reply and the next. */
  messages(input: string | Uint8Array): (Json | JsonFault)[] {
    const bytes = typeof input === 'string' ? new TextEncoder().encode(input) : input;
    return this.stream.feed(bytes);
  }

  /** Whether events are for this session, too. QMP-002 */
  get isOpen(): boolean {
    return this.negotiated;
  }

  /** The reply to one message. */
  reply(message: Json | JsonFault): JsonObject {
    // QMP-006: the id comes back with whatever follows, if it could be read
    const id = isObject(message) ? message.id : undefined;
    const reply = this.answer(message);
    return id === undefined ? reply : Object.assign(reply, { id });
  }

  private answer(message: Json | JsonFault): JsonObject {
    try {
      if (message instanceof JsonFault) throw errorOf(message);
      return jsonObject({ return: this.dispatch(this.openEnvelope(message)) });
    } catch (error) {
      if (!(error instanceof QmpError)) throw error;
      return jsonObject({ error: jsonObject({ class: error.class, desc: error.desc }) });
    }
  }

  /** QMP-003, QMP-004 */
  private openEnvelope(message: Json): CommandRequest {
    if (!isJsonObject(message)) throw notObject();
    let name: string | undefined;
    for (const [member, value] of Object.entries(message)) {
      if (member === 'execute' || (member === 'exec-oob' && this.oob)) {
        if (typeof value !== 'string') throw executeType({ member });
        if (name !== undefined) throw executeTwice();
        name = value;
      } else if (member === 'arguments') {
        if (!isJsonObject(value)) throw argumentsType();
      } else if (member !== 'id') {
        throw envelopeUnexpected({ name: member });
      }
    }
    if (name === undefined) throw noExecute();
    const args = message.arguments;
    return { name, arguments: isJsonObject(args) ? args : undefined, oob: 'exec-oob' in message };
  }

  private dispatch(request: CommandRequest): Json {
    const negotiation = request.name === qmpCapabilities.name;
    // QMP-002
    if (!this.negotiated && !negotiation) throw negotiateFirst();
    if (!negotiation) return this.machine.execute(request);
    if (request.oob) throw oobUnsupported({ name: request.name });
    const { enable = [] } = parseArguments(qmpCapabilities.args, request.arguments);
    if (this.negotiated) throw negotiated();
    this.negotiated = true;
    this.oob = enable.includes('oob');
    return jsonObject();
  }
}

function isObject(message: Json | JsonFault): message is JsonObject {
  return !(message instanceof JsonFault) && isJsonObject(message);
}

const FAULTS: { readonly [kind in FaultKind]: (text: string) => QmpError } = {
  stray: (text) => jsonStray({ text }),
  keyword: (word) => jsonKeyword({ word }),
  character: (text) => jsonCharacter({ escape: text }),
  value: () => jsonValue(),
  key: () => jsonKey(),
  colon: () => jsonColon(),
  'object-separator': () => jsonObjectSeparator(),
  'array-separator': () => jsonArraySeparator(),
  duplicate: () => jsonDuplicate(),
  escape: () => jsonEscape(),
  'utf-8': () => jsonUtf8(),
  size: () => jsonSize(),
  count: () => jsonCount(),
  depth: () => jsonDepth(),
};

function errorOf(fault: JsonFault): QmpError {
  return FAULTS[fault.kind](fault.text);
}
