/**
 * Where each member of a JSON text stands: a second pass over a text that spec/json/read.ts has taken, so that an error
 * about what a member means can name line and column. Members come in the order of the text, which a JavaScript object
 * does not keep for names like "7".
 */
import type { Json } from '../json/value.js';
import { isJsonObject } from '../json/value.js';

/** A value and where it stands; offsets count UTF-16 code units from 0. */
export interface Located {
  readonly value: Json;
  readonly at: number;
  /** the members of an object, in the order of the text; null for any other value */
  readonly members: readonly LocatedMember[] | null;
}

export interface LocatedMember {
  readonly name: string;
  /** of the quote that begins its name */
  readonly nameAt: number;
  readonly value: Located;
}

/** The places of `value`, which {@link readJson} gave for `text`. Never call it with a text that was refused. */
export function locate(text: string, value: Json): Located {
  return new Scanner(text).value(value);
}

/** Line and column from 1 of an offset. */
export function lineAndColumn(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset);
  return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') };
}

class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(value: Json | undefined): Located {
    this.#space();
    const at = this.#at;
    const first = this.#text[at];
    if (first === '{' && isJsonObject(value)) return { value, at, members: this.#object(value) };
    if (first === '[') this.#array();
    else if (first === '"') this.#string();
    else this.#word();
    return { value: value!, at, members: null };
  }

  #object(object: { readonly [name: string]: Json }): LocatedMember[] {
    const members: LocatedMember[] = [];
    this.#at++;
    for (;;) {
      this.#space();
      const next = this.#text[this.#at];
      if (next === '}') break;
      if (next === ',') this.#at++;
      this.#space();
      const nameAt = this.#at;
      const name = JSON.parse(this.#string()) as string;
      this.#space();
      this.#at++; // the colon
      members.push({ name, nameAt, value: this.value(object[name]) });
    }
    this.#at++;
    return members;
  }

  /** Steps over an array: nothing that the format defines is inside one. */
  #array(): void {
    let depth = 0;
    do {
      const c = this.#text[this.#at];
      if (c === '"') {
        this.#string();
        continue;
      }
      if (c === '[' || c === '{') depth++;
      if (c === ']' || c === '}') depth--;
      this.#at++;
    } while (depth > 0);
  }

  #string(): string {
    const start = this.#at++;
    while (this.#text[this.#at] !== '"') this.#at += this.#text[this.#at] === '\\' ? 2 : 1;
    return this.#text.slice(start, ++this.#at);
  }

  #word(): void {
    while (!' \t\n\r,]}'.includes(this.#text[this.#at] ?? ' ')) this.#at++;
  }

  #space(): void {
    while (' \t\n\r'.includes(this.#text[this.#at] ?? '"')) this.#at++;
  }
}
