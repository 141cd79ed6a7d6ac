/** JSON values to the YAML that cases are written in: short things on one line, as a person would write them. */
import { isJsonObject, type Json, type JsonObject, JsonReal } from '../../../spec/json/value.js';

/** What does not fit into so many columns is laid out over lines. */
const WIDTH = 110;

/** A text that YAML takes as a text, wherever it stands. */
const PLAIN = /^[A-Za-z$_][A-Za-z0-9_$./+-]*$/;
const TAKEN = /^(?:true|false|null|yes|no|on|off|y|n)$/i;

/** A value on one line. */
export function flowText(value: Json): string {
  if (value === null || typeof value !== 'object')
    return typeof value === 'string' ? textOf(value) : String(value);
  if (value instanceof JsonReal) return value.text;
  if (Array.isArray(value)) return `[${value.map(flowText).join(', ')}]`;
  const members = Object.entries(value).map(([name, member]) => `${flowText(name)}: ${flowText(member)}`);
  return `{${members.join(', ')}}`;
}

/** The lines of an object's members, each name on a line of its own. An object without members has none. */
export function memberLines(value: JsonObject, indent = 0): string[] {
  const pad = ' '.repeat(indent);
  return Object.entries(value).flatMap(([name, member]) => {
    const head = `${pad}${flowText(name)}:`;
    const line = `${head} ${flowText(member)}`;
    if (line.length <= WIDTH) return [line];
    if (Array.isArray(member) && member.length > 0) return [head, ...itemLines(member, indent + 2)];
    if (isJsonObject(member) && Object.keys(member).length > 0)
      return [head, ...memberLines(member, indent + 2)];
    return [line];
  });
}

/** The lines of a list, an item a line where it fits. The first member of an item stands without braces. */
export function itemLines(items: readonly Json[], indent: number): string[] {
  const pad = ' '.repeat(indent);
  return items.flatMap((item) => {
    if (!isJsonObject(item) || Object.keys(item).length === 0) return [`${pad}- ${flowText(item)}`];
    const line = `${pad}- ${flowText(item)}`;
    if (Object.keys(item).length > 1 && line.length <= WIDTH) return [line];
    const [first, ...rest] = memberLines(item, indent + 2);
    return [`${pad}- ${first!.slice(indent + 2)}`, ...rest];
  });
}

function textOf(text: string): string {
  return PLAIN.test(text) && !TAKEN.test(text) ? text : quoted(text);
}

/** As JSON writes it; also what JSON leaves as it is and a reader of YAML must not find. */
function quoted(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
