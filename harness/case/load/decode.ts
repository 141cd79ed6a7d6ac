/** A validated document to a {@link Case}: sizes to bytes, defaults filled in, what only code can check checked. */
import type { Json, JsonObject } from '../../../spec/json/value.js';
import { isJsonObject } from '../../../spec/json/value.js';
import { splitCommand } from '../../target/shell-words.js';
import type { IoRequest, Trust } from '../../target/target.js';
import {
  type Action,
  type Case,
  FORMATS,
  type Format,
  type Step,
  type ToolAction,
  type WaitAction,
} from '../case.js';
import { bytesOf, type FileContent, MAX_WRITTEN, type Piece } from '../content.js';
import { derivedRequirements } from '../requires.js';
import { decodeNbd } from './decode-nbd.js';
import type { Violation } from './explain.js';
import { parseSize } from './size.js';
import type { YamlDocument } from './yaml.js';

/** What qemu-io writes when it is not told a pattern; any value but 0 would do. */
const DEFAULT_PATTERN = 0xcd;

/** Where a case stands: its area and the id that its file's name promises. */
export interface Place {
  readonly file: string;
  readonly area: string;
  readonly slug: string;
}

/** Decodes a document that the schema found valid. Violations that are left are added to `found`. */
export function decodeCase(document: YamlDocument, place: Place, found: Violation[]): Case {
  const value = document.value as JsonObject;
  const decode = new Decoder(found);
  const steps = (value.steps as Json[]).map((step, index): Step => {
    const pointer = `/steps/${index}`;
    return { line: document.at(pointer).line, action: decode.action(step as JsonObject, pointer) };
  });
  const id = value.id as string;
  if (id !== place.slug) {
    found.push({ pointer: '/id', message: `the id is "${id}" but the file is called "${place.slug}.yaml"` });
  }
  const formats = strings(value.formats);
  const requires = new Set([...strings(value.requires), ...derivedRequirements(steps)]);
  return {
    id,
    area: place.area,
    title: value.title as string,
    rules: strings(value.rules),
    models: strings(value.models),
    requires: [...requires],
    formats: formats.length === 0 || formats.includes('any') ? FORMATS : (formats as Format[]),
    steps,
    file: place.file,
  };
}

function strings(value: Json | undefined): string[] {
  return value === undefined ? [] : (value as string[]);
}

function trustOf({ trust = 'stranger' }: JsonObject): Trust {
  return trust as Trust;
}

function waitAction({ job, state, event, match, any }: JsonObject): WaitAction {
  const verb = 'wait';
  const rest = { verb, any: strings(any) } as const;
  if (job === undefined) return { ...rest, event: event as string, match: (match ?? {}) as JsonObject };
  if (state === undefined) return { ...rest, job: job as string, event: event as string };
  return { ...rest, job: job as string, state: state as string };
}

type Plain = Exclude<Action, { verb: 'either' | 'log' }>;

class Decoder {
  readonly #found: Violation[];
  /** nodes for which a step so far makes an image */
  readonly #images = new Set<string>();

  constructor(found: Violation[]) {
    this.#found = found;
  }

  action(step: JsonObject, pointer: string): Action {
    if (step.log !== undefined) return { verb: 'log', text: step.log as string };
    const either = step.either;
    if (!isJsonObject(either)) return this.#plain(step, pointer);
    return {
      verb: 'either',
      action: this.#plain(either.step as JsonObject, `${pointer}/either/step`),
      outcomes: (either.outcomes as string[][]).map((lines) => lines.map((line) => line.trim())),
      rule: either.rule as string | undefined,
    };
  }

  #plain(step: JsonObject, pointer: string): Plain {
    const verb = Object.keys(step)[0]!;
    const value = step[verb]!;
    if (verb === 'raw') return this.#raw(value as string, `${pointer}/raw`);
    if (verb === 'observe') return { verb, node: value as string };
    if (verb === 'bytes') return { verb, file: value as string };
    if (verb === 'img') {
      return {
        verb,
        words: Array.isArray(value) ? strings(value) : this.#words(value as string, `${pointer}/img`),
      };
    }
    const object = value as JsonObject;
    const size = (): number => this.#size(object.size!, `${pointer}/${verb}/size`);
    switch (verb) {
      case 'create':
        return { verb, file: object.file as string, size: size() };
      case 'open':
        return {
          verb,
          node: object.node as string,
          size: object.existing === true ? this.#existing(object.node as string, `${pointer}/open`) : size(),
          driver: this.#driver(object),
          readOnly: object.readOnly === true,
          discard: (object.discard ?? 'unmap') as 'ignore' | 'unmap',
          policy: object.policy as 'writeback' | 'writethrough' | undefined,
          backing: object.backing as string | null | undefined,
          device: object.device as string | undefined,
        };
      case 'drive':
        return { verb, id: object.id as string, readOnly: object.readOnly === true };
      case 'graph':
      case 'restart':
      case 'kill':
        return { verb };
      case 'wait':
        return waitAction(object);
      case 'file':
        return { verb, file: object.name as string, content: this.#content(object, `${pointer}/file`) };
      case 'descriptor':
        return {
          verb,
          file: object.open as string,
          trust: trustOf(object),
          verify: object.verify === 'checksums',
        };
      case 'check':
        return { verb, file: object.image as string, trust: trustOf(object), repair: object.repair === true };
      case 'nbd':
        return decodeNbd(
          object,
          (part, at) => this.#size(part, `${pointer}/nbd${at}`),
          (at, message) => this.#found.push({ pointer: `${pointer}/nbd${at}`, message }),
        );
      case 'image-io':
        return this.#imageIo(object, `${pointer}/image-io`);
      case 'qmp': {
        const command = Object.keys(object)[0]!;
        return { verb, command, arguments: (object[command] ?? undefined) as JsonObject | undefined };
      }
      default:
        return { verb: 'io', node: object.node as string, request: this.#io(object, `${pointer}/io`) };
    }
  }

  #imageIo(io: JsonObject, pointer: string): ToolAction {
    const options = io.options === undefined ? [] : this.#words(io.options as string, `${pointer}/options`);
    const image = io.image === undefined ? null : (io.image as string);
    const by = io.run === undefined ? 'stdin' : 'option';
    return { verb: 'image-io', image, options, commands: strings(io.run ?? io.input), by };
  }

  #words(text: string, pointer: string): string[] {
    try {
      return splitCommand(text);
    } catch (error) {
      this.#found.push({ pointer, message: (error as Error).message });
      return [];
    }
  }

  #driver({ node, driver = 'format', existing }: JsonObject): 'format' | 'null-co' {
    if (driver === 'format' && existing !== true) this.#images.add(node as string);
    return driver as 'format' | 'null-co';
  }

  #existing(node: string, pointer: string): null {
    if (!this.#images.has(node)) {
      this.#found.push({ pointer, message: `no step before this one makes an image for "${node}"` });
    }
    return null;
  }

  #content(file: JsonObject, pointer: string): FileContent {
    if (file.size !== undefined) return { kind: 'size', size: this.#size(file.size, `${pointer}/size`) };
    if (file.hex !== undefined) return { kind: 'hex', hex: file.hex as string };
    const content: FileContent =
      file.text === undefined
        ? this.#fill(file.fill as Json[], `${pointer}/fill`)
        : this.#text(file, pointer);
    const written = bytesOf(content);
    if (typeof written !== 'number' && written.length > MAX_WRITTEN)
      this.#found.push({
        pointer,
        message: `${written.length} bytes are too many: at most ${MAX_WRITTEN} but for zeros`,
      });
    return content;
  }

  #fill([byte, size]: Json[], pointer: string): FileContent {
    const bytes = this.#size(size!, `${pointer}/1`);
    const tooMany = bytes > MAX_WRITTEN;
    if (tooMany) this.#found.push({ pointer, message: `at most ${MAX_WRITTEN} bytes but for zeros` });
    return { kind: 'fill', byte: byte as number, size: tooMany ? 0 : bytes };
  }

  #text(file: JsonObject, pointer: string): FileContent {
    const text = file.text as string;
    const pieces = Object.entries((file.with ?? {}) as JsonObject).map(([name, piece]): [string, Piece] => {
      if (!text.includes(name))
        this.#found.push({
          pointer: `${pointer}/with/${name}`,
          message: `"${name}" does not occur in the text`,
        });
      const { text: part, times = 1, hex } = piece as { text?: string; times?: number; hex?: string };
      if (hex !== undefined) return [name, { hex }];
      const isTooLong = part!.length * times > MAX_WRITTEN;
      if (isTooLong)
        this.#found.push({
          pointer: `${pointer}/with/${name}`,
          message: `is more than ${MAX_WRITTEN} bytes long`,
        });
      return [name, { text: part!, times: isTooLong ? 1 : times }];
    });
    return { kind: 'text', text, pieces };
  }

  #raw(text: string, pointer: string): Plain {
    // QMP is a stream: a text of several lines would be printed as several and answered more than once.
    const line = text.replace(/\n$/, '');
    if (line.includes('\n')) this.#found.push({ pointer, message: 'raw text must be one line' });
    return { verb: 'raw', text: line };
  }

  #io(io: JsonObject, pointer: string): IoRequest {
    if (io.flush !== undefined) return { op: 'flush' };
    const op = (['write', 'zero', 'discard', 'read'] as const).find((name) => io[name] !== undefined)!;
    const [offset, length] = (io[op] as Json[]).map((part, index) =>
      this.#size(part, `${pointer}/${op}/${index}`),
    );
    const span = { offset: offset!, length: length! };
    const pattern = io.pattern as number | undefined;
    switch (op) {
      case 'write':
        return {
          op,
          ...span,
          pattern: pattern ?? DEFAULT_PATTERN,
          ...(io.fua === true ? { fua: true } : {}),
        };
      case 'zero':
        return { op, ...span, ...(io.unmap === true ? { unmap: true } : {}) };
      case 'read':
        return { op, ...span, ...(pattern === undefined ? {} : { pattern }) };
      default:
        return { op, ...span };
    }
  }

  #size(value: Json, pointer: string): number {
    if (typeof value === 'number') return value;
    const bytes = parseSize(value as string);
    if (bytes !== null) return bytes;
    this.#found.push({ pointer, message: `"${String(value)}" is not a size between 0 and 2^53-1 bytes` });
    return 0;
  }
}
