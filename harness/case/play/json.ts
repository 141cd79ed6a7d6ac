/** JSON as transcripts show it: requests on one line as the author wrote them, replies sorted and laid out. */

import { readJson } from '../../../spec/json/read.js';
import { isJsonObject, type Json, type JsonObject, jsonObject } from '../../../spec/json/value.js';
import { layoutJson, writeJson } from '../../../spec/json/write.js';

/** Replies that would be longer than this are laid out over several lines. */
export const WIDTH = 100;

/** A request, on one line whatever its length, members in the author's order. */
export function requestLine(prefix: string, value: Json): string {
  return prefix + writeJson(value);
}

/** A reply, members in order of their names; continuation lines are indented by three spaces. */
export function replyJsonLines(prefix: string, value: Json): string[] {
  const text = layoutJson(value, WIDTH - prefix.length);
  if (!text.includes('\n')) return [prefix + text];
  const [first, ...more] = text.split('\n');
  return [prefix + first, ...more.map((line) => `   ${line}`)];
}

const JSON_FILENAME = 'json:';
/** What may stand before the object: blkdebug puts its name before that of its child. */
const BEFORE_OBJECT = /^(?:blkdebug::)*json:(?=\{)/;

/** The normaliser `json-filename`: a file name that is itself an object, with its members sorted. */
export function sortFilename(text: string): string {
  // Every string of every reply is asked about, and hardly one is such a name.
  const before = text.includes(JSON_FILENAME) ? BEFORE_OBJECT.exec(text)?.[0] : undefined;
  if (before === undefined) return text;
  try {
    return before + writeJson(readJson(text.slice(before.length)), { sorted: true });
  } catch {
    return text; // not JSON, so shown as it came
  }
}

/** As {@link sortFilename}, for every such name within a text. */
export function sortFilenames(text: string): string {
  let sorted = '';
  let at = 0;
  for (;;) {
    const start = text.indexOf(`${JSON_FILENAME}{`, at);
    const end = start === -1 ? -1 : endOfObject(text, start + JSON_FILENAME.length);
    if (end === -1) return sorted + text.slice(at);
    sorted += text.slice(at, start) + sortFilename(text.slice(start, end));
    at = end;
  }
}

/** Where the object that begins at `start` ends; -1 if it does not. */
function endOfObject(text: string, start: number): number {
  let depth = 0;
  for (const token of text.slice(start).matchAll(/"(?:[^"\\]|\\.)*"|[{}]/g)) {
    if (token[0] === '{') depth++;
    else if (token[0] === '}' && --depth === 0) return start + token.index + 1;
  }
  return -1;
}

/** The value with every string replaced; names of members stay. Where no string changes it is no copy. */
export function mapStrings(value: Json, map: (text: string) => string): Json {
  if (typeof value === 'string') return map(value);
  if (Array.isArray(value)) {
    let copy: Json[] | null = null;
    for (const [index, part] of value.entries()) {
      const mapped = mapStrings(part, map);
      if (mapped === part) continue;
      copy ??= [...value];
      copy[index] = mapped;
    }
    return copy ?? value;
  }
  if (!isJsonObject(value)) return value;
  let copy: JsonObject | null = null;
  for (const name in value) {
    const mapped = mapStrings(value[name]!, map);
    if (mapped === value[name]) continue;
    copy ??= jsonObject(value);
    copy[name] = mapped;
  }
  return copy ?? value;
}
