/**
 * A target for the tests of everything around targets. Its bitmaps do nothing but exist; its other commands
 * misbehave in every way a target can. What a `fake:VARIANT` does differently is said at each place.
 */
import { type Json, type JsonObject, jsonObject } from '../../../spec/json/value.js';
import type { TargetChoice } from '../../target/parse.js';
import {
  type CaseContext,
  Declined,
  type Identity,
  type IoOutcome,
  type IoRequest,
  type NodeObservation,
  type OpenOptions,
  type Reply,
  type Session,
  type Target,
  TargetFault,
} from '../../target/target.js';

const COMMANDS = [
  'echo',
  'crash',
  'hang',
  'stuck',
  'garbage',
  'bug',
  'unmapped',
  'decline',
  'event',
  'generated',
];

/** What `fake` or `fake:VARIANT` stands for. */
export function fakeChoice(name: string, log: string[] = []): TargetChoice {
  const variant = name.slice('fake:'.length);
  const kind = variant === 'adapter' ? 'adapter' : 'reference';
  return { name, kind, create: () => new FakeTarget(name, kind, variant, log) };
}

class FakeTarget implements Target {
  readonly name: string;
  readonly kind: Target['kind'];
  readonly #variant: string;
  readonly #log: string[];

  constructor(name: string, kind: Target['kind'], variant: string, log: string[]) {
    this.name = name;
    this.kind = kind;
    this.#variant = variant;
    this.#log = log;
  }

  async identify(): Promise<Identity> {
    if (this.#variant === 'gone') throw new TargetFault('surroundings', 'no fake in PATH');
    const names =
      this.#variant === 'incapable' ? [] : ['qmp', 'node', 'restart', 'command:block-dirty-bitmap-add'];
    const commands = this.#variant === 'incapable' ? [] : COMMANDS.map((name) => `command:${name}`);
    return {
      program: 'fake 1.2.3 (for tests)',
      version: '1.2.3',
      capabilities: new Set([...names, ...commands]),
      formats: new Set(this.#variant === 'formats' ? ['raw', 'overlay'] : ['raw']),
    };
  }

  async begin(context: CaseContext): Promise<Session> {
    this.#log.push(`begin ${context.id} ${context.format}`);
    return new FakeSession(this.#variant);
  }

  async close(): Promise<void> {
    this.#log.push('close');
  }
}

class FakeSession implements Session {
  readonly directory = `/scratch/${Math.random().toString(36).slice(2)}`;
  readonly #variant: string;
  readonly #sizes = new Map<string, number>();
  readonly #bitmaps = new Map<string, string[]>();
  /** sizes of the images, which outlive a restart; its bitmaps never do */
  readonly #images = new Map<string, number>();
  #events: JsonObject[] = [];

  constructor(variant: string) {
    this.#variant = variant;
  }

  async create(): Promise<void> {}

  async open(node: string, options: OpenOptions): Promise<Reply> {
    if (this.#sizes.has(node)) return fault('BMP-E-EXISTS', `Duplicate nodes with node-name='${node}'`);
    const size = options.size ?? this.#images.get(node)!;
    this.#images.set(node, size);
    this.#sizes.set(node, size);
    this.#bitmaps.set(node, []);
    return { return: {} };
  }

  async qmp(command: string, args: JsonObject = jsonObject()): Promise<Reply> {
    switch (command) {
      case 'block-dirty-bitmap-add':
        return this.#add(String(args.node), String(args.name));
      case 'echo':
        // "deviant" answers everything that is echoed with a member more.
        return { return: this.#variant === 'deviant' ? { ...args, deviant: true } : args };
      case 'crash':
        throw new TargetFault('crash', 'the fake died of signal 11');
      case 'hang':
        throw new TargetFault('hang', 'the fake gave no answer within 0.1 s');
      case 'stuck':
        return new Promise<Reply>(() => {});
      case 'garbage':
        throw new TargetFault('garbage', 'the fake answered "<html>"');
      case 'bug':
        throw new RangeError('a mistake in the harness');
      case 'unmapped':
        return { error: { class: 'GenericError', desc: 'Words that nobody knows' } };
      case 'decline':
        throw new Declined('not made yet', 'https://example.org/1');
      case 'event':
        this.#events.push(
          jsonObject({ event: 'FAKE', data: jsonObject({ path: `${this.directory}/base` }) }),
        );
        return { return: {} };
      case 'generated':
        return { return: generatedNames() };
      default:
        return fault('QMP-E-COMMAND', `The command ${command} has not been found`, 'CommandNotFound');
    }
  }

  #add(node: string, name: string): Reply {
    const bitmaps = this.#bitmaps.get(node);
    if (bitmaps === undefined) return fault('REF-E-NODE', `Cannot find device='' nor node-name='${node}'`);
    // An "adapter" says it in its own words.
    const words = this.#variant === 'adapter' ? 'already there' : `Bitmap already exists: ${name}`;
    if (bitmaps.includes(name)) return fault('BMP-E-EXISTS', words);
    bitmaps.push(name);
    bitmaps.sort();
    return { return: {} };
  }

  async qmpText(text: string): Promise<Reply> {
    return fault('QMP-E-JSON', `JSON parse error in ${text}`);
  }

  async io(node: string, request: IoRequest): Promise<IoOutcome> {
    const size = this.#sizes.get(node) ?? 0;
    if (request.op !== 'flush' && request.offset + request.length > size) return { errno: 'EIO' };
    if (request.op === 'read' && request.pattern === 7) return { mismatch: { at: request.offset, found: 0 } };
    return { ok: true };
  }

  async observe(node: string): Promise<NodeObservation | Reply> {
    const size = this.#sizes.get(node);
    if (size === undefined) return fault('REF-E-NODE', `no node ${node}`);
    const bitmaps = this.#bitmaps.get(node)!.map((name) => ({
      name,
      granularity: 65536,
      count: 0,
      recording: true,
      busy: false,
      persistent: false,
      inconsistent: false,
      dirty: [],
      sha256: this.#variant === 'adapter' ? null : 'f'.repeat(64),
    }));
    return { size, bitmaps };
  }

  async restart(how: 'quit' | 'kill'): Promise<void> {
    // "mortal" cannot be started again after a kill.
    if (this.#variant === 'mortal' && how === 'kill') throw new TargetFault('crash', 'the fake stays dead');
    this.#sizes.clear();
    this.#bitmaps.clear();
  }

  events(): JsonObject[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  stderr(): string {
    return 'fake: a word on stderr\n';
  }

  async end(): Promise<void> {}
}

function fault(id: string, desc: string, errorClass = 'GenericError'): Reply {
  return { error: { class: errorClass, desc, id } };
}

function generatedNames(): Json {
  const number = Math.floor(Math.random() * 900) + 100;
  return [`#block${number}`, `#block${number + 1}`, `#block${number}`];
}
