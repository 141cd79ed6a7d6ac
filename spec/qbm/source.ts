/** A descriptor while it is read: its text, and dictionaries whose members are taken one by one with their places. */
import { isJsonObject, type Json, JsonReal } from '../json/value.js';
import type { RefusalArgs } from '../refusal.js';
import type { SoftExtensions } from './descriptor.js';
import { QbmError, type QbmErrorId } from './errors.js';
import { HARD, SOFT } from './extensions.js';
import { type Located, type LocatedMember, lineAndColumn } from './positions.js';

/** Throws about a place of the text. */
export class Source {
  readonly file: string;
  readonly text: string;
  /** the files that were named so far, and as what */
  readonly used = new Map<string, string>();

  constructor(file: string, text: string) {
    this.file = file;
    this.text = text;
  }

  /** @param at offset in the text, in UTF-16 code units */
  fail(id: QbmErrorId, args: RefusalArgs, at: number): never {
    throw new QbmError(id, args, { file: this.file, ...lineAndColumn(this.text, at) });
  }

  wrongType(key: string, expected: string, found: Located): never {
    this.fail('QBM-E-TYPE', { key, expected, found: kindOf(found.value) }, found.at);
  }
}

/** One of the format's objects with fixed keys: every member is taken by name, and what is left is an extension or wrong. */
export class Dictionary {
  readonly source: Source;
  /** for messages: `the descriptor`, `bitmap "b0"` */
  readonly where: string;
  readonly at: number;
  readonly #left: Map<string, LocatedMember>;

  /** @param key under which `found` stands @throws QbmError QBM-E-TYPE when it is no object */
  constructor(source: Source, key: string, where: string, found: Located) {
    if (found.members === null) source.wrongType(key, 'an object', found);
    this.source = source;
    this.where = where;
    this.at = found.at;
    this.#left = new Map(found.members.map((member) => [member.name, member]));
  }

  /** The member, or null; it counts as taken. */
  optional(key: string): Located | null {
    const member = this.#left.get(key);
    this.#left.delete(key);
    return member?.value ?? null;
  }

  /** @throws QbmError QBM-E-MISSING */
  required(key: string): Located {
    return this.optional(key) ?? this.source.fail('QBM-E-MISSING', { where: this.where, key }, this.at);
  }

  /** @throws QbmError QBM-E-MISSING, QBM-E-TYPE */
  string(key: string): { readonly value: string; readonly at: number } {
    const found = this.required(key);
    if (typeof found.value !== 'string') this.source.wrongType(key, 'a string', found);
    return { value: found.value, at: found.at };
  }

  /** @throws QbmError QBM-E-MISSING, QBM-E-TYPE */
  integer(key: string): { readonly value: number | bigint; readonly at: number } {
    const found = this.required(key);
    if (typeof found.value !== 'number' && typeof found.value !== 'bigint')
      this.source.wrongType(key, 'an integer', found);
    return { value: found.value, at: found.at };
  }

  /** @throws QbmError QBM-E-TYPE */
  boolean(key: string, absent: boolean): { readonly value: boolean; readonly at: number } {
    const found = this.optional(key);
    if (found === null) return { value: absent, at: this.at };
    if (typeof found.value !== 'boolean') this.source.wrongType(key, 'true or false', found);
    return { value: found.value, at: found.at };
  }

  /** What was not taken: soft extensions. @throws QbmError QBM-E-KEY, QBM-E-EXT-HARD */
  rest(): SoftExtensions {
    const soft = new Map<string, Json>();
    for (const { name, nameAt, value } of this.#left.values()) {
      // QBM-010
      if (name.startsWith(HARD)) this.source.fail('QBM-E-EXT-HARD', { key: name }, nameAt);
      // QBM-009
      if (!name.startsWith(SOFT))
        this.source.fail('QBM-E-KEY', { key: name, where: this.where, hint: hintFor(name) }, nameAt);
      soft.set(name, value.value); // QBM-011
    }
    return new Map([...soft].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

function hintFor(name: string): string {
  // QBM-044
  return name !== 'bitmaps' && name.toLowerCase() === 'bitmaps' ? ': write "bitmaps"' : '';
}

/** For a message: what kind of value stands there. */
export function kindOf(value: Json): string {
  if (value === null) return 'null';
  if (value instanceof JsonReal) return `${shortened(value.text)}, which is not written as an integer`;
  if (Array.isArray(value)) return 'an array';
  if (isJsonObject(value)) return 'an object';
  if (typeof value === 'string') return 'a string';
  return typeof value === 'boolean' ? String(value) : shortened(String(value));
}

/** `text`, cut so that a message stays readable. */
export function shortened(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
