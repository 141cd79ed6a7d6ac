/**
 * YAML text to JSON values with the position of every value: the subset that cases and lists of expected
 * deviations are written in. YAML 1.2, core schema, one document; without anchors, aliases, tags and directives,
 * so that a small file cannot stand for a big value and says what it means where it says it.
 */
import {
  EVENT_ID,
  type Event,
  getScalarValue,
  parseEvents,
  SCALAR_STYLE,
  type ScalarEvent,
  YAMLException,
} from 'js-yaml';
import { type Json, JsonReal, jsonObject } from '../../../spec/json/value.js';

/** Deeper nesting than this is refused: a transaction with nested values needs about ten. */
const MAX_DEPTH = 50;

export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface YamlMistake extends Position {
  readonly message: string;
}

/** The value of a document, and where its parts stand. */
export interface YamlDocument {
  readonly value: Json;
  readonly mistakes: readonly YamlMistake[];
  /** position of the value at a JSON pointer (`/steps/0/qmp`); for a member, of its name; else of the nearest parent */
  at(pointer: string): Position;
}

/** Reads one document. Never throws for what the text says: see `mistakes`; `value` is then what could be read. */
export function readYaml(text: string): YamlDocument {
  const lines = lineStarts(text);
  const composer = new Composer(text, lines);
  let value: Json = null;
  try {
    value = composer.compose(parseEvents(text, { maxDepth: MAX_DEPTH }));
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    const position = error.mark === undefined || error.mark === null ? 0 : error.mark.position;
    composer.mistake(position, error.reason);
  }
  return {
    value,
    mistakes: composer.mistakes,
    at: (pointer) => {
      for (let p = pointer; ; p = p.slice(0, p.lastIndexOf('/'))) {
        const offset = composer.positions.get(p);
        if (offset !== undefined) return place(lines, offset);
        if (p === '') return { line: 1, column: 1 };
      }
    },
  };
}

/** A member's name as it stands in a JSON pointer (RFC 6901). */
export function pointerToken(name: string | number): string {
  return String(name).replaceAll('~', '~0').replaceAll('/', '~1');
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

function place(starts: readonly number[], offset: number): Position {
  let low = 0;
  let high = starts.length;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (starts[middle]! <= offset) low = middle;
    else high = middle;
  }
  return { line: low + 1, column: offset - starts[low]! + 1 };
}

class Composer {
  readonly mistakes: YamlMistake[] = [];
  readonly positions = new Map<string, number>();
  readonly #text: string;
  readonly #lines: readonly number[];
  #events: readonly Event[] = [];
  #next = 0;

  constructor(text: string, lines: readonly number[]) {
    this.#text = text;
    this.#lines = lines;
  }

  mistake(offset: number, message: string): void {
    this.mistakes.push({ ...place(this.#lines, offset), message });
  }

  compose(events: readonly Event[]): Json {
    this.#events = events;
    const documents = events.filter((event) => event.type === EVENT_ID.DOCUMENT).length;
    if (documents === 0) {
      this.mistake(0, 'the file is empty');
      return null;
    }
    if (documents > 1) this.mistake(0, `${documents} documents in one file: write one a file`);
    const first = events[0]!;
    if (first.type === EVENT_ID.DOCUMENT && first.directives.length > 0) {
      this.mistake(0, 'YAML directives (%…) are not used here');
    }
    this.#next = 1;
    return this.#value('', 0);
  }

  #value(pointer: string, fallback: number): Json {
    const event = this.#events[this.#next++];
    if (event === undefined || event.type === EVENT_ID.POP || event.type === EVENT_ID.DOCUMENT) return null;
    if (event.type === EVENT_ID.ALIAS) {
      this.mistake(event.anchorStart - 1, 'aliases (*name) are not used here: write the value out');
      return null;
    }
    const start = event.type === EVENT_ID.SCALAR ? event.valueStart : event.start;
    const at = start < 0 ? fallback : start;
    if (!this.positions.has(pointer)) this.positions.set(pointer, at);
    if (event.anchorStart >= 0) {
      this.mistake(event.anchorStart - 1, 'anchors (&name) are not used here: write the value out');
    }
    if (event.tagStart >= 0) this.mistake(event.tagStart, 'tags (!name) are not used here');
    if (event.type === EVENT_ID.SEQUENCE) return this.#sequence(pointer, at);
    if (event.type === EVENT_ID.MAPPING) return this.#mapping(pointer, at);
    return this.#scalar(event, at);
  }

  #atEnd(): boolean {
    const event = this.#events[this.#next];
    if (event === undefined) return true;
    if (event.type !== EVENT_ID.POP) return false;
    this.#next++;
    return true;
  }

  #sequence(pointer: string, at: number): Json[] {
    const values: Json[] = [];
    while (!this.#atEnd()) values.push(this.#value(`${pointer}/${values.length}`, at));
    return values;
  }

  #mapping(pointer: string, at: number): Json {
    const object = jsonObject();
    while (!this.#atEnd()) {
      const key = this.#events[this.#next]!;
      if (key.type !== EVENT_ID.SCALAR) {
        this.#value(`${pointer}/?`, at);
        this.#value(`${pointer}/?`, at);
        this.mistake(this.positions.get(`${pointer}/?`) ?? at, 'a name of a member must be a plain text');
        continue;
      }
      this.#next++;
      const keyAt = key.valueStart < 0 ? at : key.valueStart;
      if (key.anchorStart >= 0) this.mistake(key.anchorStart - 1, 'anchors (&name) are not used here');
      if (key.tagStart >= 0) this.mistake(key.tagStart, 'tags (!name) are not used here');
      const name = key.valueStart < 0 ? '' : getScalarValue(this.#text, key);
      const inner = `${pointer}/${pointerToken(name)}`;
      if (Object.hasOwn(object, name)) this.mistake(keyAt, `"${name}" stands here twice`);
      else this.positions.set(inner, keyAt);
      object[name] = this.#value(inner, keyAt);
    }
    return object;
  }

  #scalar(event: ScalarEvent, at: number): Json {
    if (event.valueStart < 0) return event.style === SCALAR_STYLE.PLAIN ? null : '';
    const text = getScalarValue(this.#text, event);
    if (event.style !== SCALAR_STYLE.PLAIN) return text;
    if (text === '' || /^(?:~|null|Null|NULL)$/.test(text)) return null;
    if (/^(?:true|True|TRUE)$/.test(text)) return true;
    if (/^(?:false|False|FALSE)$/.test(text)) return false;
    if (/^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$/.test(text)) return this.#integer(text, at);
    if (/^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/.test(text)) return this.#real(text, at);
    if (/^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/.test(text)) {
      this.mistake(at, `${text} is not a number that JSON has`);
      return null;
    }
    return text;
  }

  #integer(text: string, at: number): Json {
    const value = Number(text.replace(/^\+/, ''));
    if (Number.isSafeInteger(value)) return value === 0 ? 0 : value;
    this.mistake(at, `${text} is beyond 2^53-1 and would lose digits: write the command as \`raw:\` text`);
    return 0;
  }

  #real(text: string, at: number): Json {
    // Its text goes into JSON as it stands, so it has to be a JSON number already.
    if (/^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?$/.test(text)) return new JsonReal(text);
    this.mistake(
      at,
      `${text} is not how JSON writes a number: write it with digits on both sides of the point`,
    );
    return 0;
  }
}
