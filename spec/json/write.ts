/**
 * JSON text of a value, spaced as QEMU prints it (", " and ": "), and a layout over several lines for people.
 * Strings come out in ASCII: what is not printable ASCII is escaped, so a transcript shows every code unit there is.
 */
import { isJsonObject, type Json, type JsonObject, JsonReal } from './value.js';

/** How {@link writeJson} writes. */
export interface WriteOptions {
  /** members in ascending order of their names (code units), instead of as they were written */
  readonly sorted?: boolean;
}

/**
 * `value` on one line. A {@link JsonReal} is written by its text, a bigint exactly. Throws a RangeError on a number
 * that is no exact integer: such a value is a mistake of whoever made it.
 */
export function writeJson(value: Json, options: WriteOptions = {}): string {
  if (Array.isArray(value)) return `[${value.map((item) => writeJson(item, options)).join(', ')}]`;
  if (!isJsonObject(value)) return writeScalar(value);
  const members = names(value, options.sorted ?? false).map(
    (name) => `${writeString(name)}: ${writeJson(value[name]!, options)}`,
  );
  return `{${members.join(', ')}}`;
}

/**
 * `value` with sorted members: on one line where it fits `width` columns, else one member or item a line, indented by
 * two spaces a level. Ends without a line break.
 */
export function layoutJson(value: Json, width: number): string {
  return layout(written(value), width, '', 0);
}

/** A value on one line, and the values in it with what stands before each: its name, if it has one. */
interface Written {
  readonly line: string;
  readonly parts: readonly { readonly head: string; readonly value: Written }[];
}

const NOTHING_WITHIN: Written['parts'] = [];

/** Each value is written once, however deep it lies. */
function written(value: Json): Written {
  if (Array.isArray(value)) {
    const parts = value.map((item) => ({ head: '', value: written(item) }));
    return { line: `[${parts.map((part) => part.value.line).join(', ')}]`, parts };
  }
  if (!isJsonObject(value)) return { line: writeScalar(value), parts: NOTHING_WITHIN };
  const parts = names(value, true).map((name) => ({
    head: `${writeString(name)}: `,
    value: written(value[name]!),
  }));
  return { line: `{${parts.map((part) => part.head + part.value.line).join(', ')}}`, parts };
}

/** `taken`: columns that stand on the value's first line besides it: its indent, its name, and a comma after it */
function layout({ line, parts }: Written, width: number, indent: string, taken: number): string {
  if (taken + line.length <= width || parts.length === 0) return line;
  const inner = `${indent}  `;
  const lines = parts.map(({ head, value }) => {
    return inner + head + layout(value, width, inner, inner.length + head.length + 1);
  });
  return `${line[0]}\n${lines.join(',\n')}\n${indent}${line.at(-1)}`;
}

function names(object: JsonObject, sorted: boolean): string[] {
  const all = Object.keys(object);
  return sorted ? all.sort() : all;
}

function writeScalar(value: null | boolean | number | bigint | string | JsonReal): string {
  if (typeof value === 'string') return writeString(value);
  if (value instanceof JsonReal) return value.text;
  if (typeof value === 'number' && !Number.isSafeInteger(value)) {
    throw new RangeError(`${value} is no exact integer: use a bigint, or a JsonReal for a fraction`);
  }
  return String(value);
}

const SHORT: { readonly [unit: string]: string } = {
  '"': '\\"',
  '\\': '\\\\',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

const ESCAPED = /["\\]|[^ -~]/;
const EVERY_ESCAPED = new RegExp(ESCAPED, 'g');

/** A string in double quotes, in ASCII: everything else is written as a \\u escape of each UTF-16 code unit. */
export function writeString(text: string): string {
  if (!ESCAPED.test(text)) return `"${text}"`;
  const escaped = text.replace(
    EVERY_ESCAPED,
    (unit) => SHORT[unit] ?? `\\u${unit.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`,
  );
  return `"${escaped}"`;
}
