/**
 * Options as text: `driver=raw,file.filename=a,,b`, as --image-opts and -o take them, made into the JSON that blockdev-add
 * takes. Dots nest, numbers as names make lists, two commas are one.
 */
import { isJsonObject, type Json, type JsonObject, jsonObject } from '../json/value.js';
import { type AlternateType, type Member, settle, type Type } from '../qmp/types.js';
import { OpenImageError } from './open-error.js';
import { sizeOf } from './size.js';

/** `a=b,c` → [['a', 'b'], ['c', null]]. A comma inside a value is written twice. */
export function parsePairs(text: string): [name: string, value: string | null][] {
  if (text === '') return [];
  const pairs: [string, string | null][] = [];
  for (const part of splitAtCommas(text)) {
    const at = part.indexOf('=');
    pairs.push(at < 0 ? [part, null] : [part.slice(0, at), part.slice(at + 1)]);
  }
  return pairs;
}

function splitAtCommas(text: string): string[] {
  const parts: string[] = [];
  let part = '';
  for (let at = 0; at < text.length; at++) {
    if (text[at] !== ',') part += text[at];
    else if (text[at + 1] === ',') {
      part += ',';
      at += 1;
    } else {
      parts.push(part);
      part = '';
    }
  }
  return [...parts, part];
}

/** Members with dots in their names as nested objects; an object whose names are 0, 1, … as a list. */
export function nest(flat: JsonObject): JsonObject {
  const nested = jsonObject();
  for (const [name, value] of Object.entries(flat)) {
    let at = nested;
    const path = name.split('.');
    for (const part of path.slice(0, -1)) {
      at[part] ??= jsonObject();
      const next = at[part];
      if (!isJsonObject(next)) throw new OpenImageError(`Parameter '${part}' is both a value and a group`);
      at = next;
    }
    const last = path.at(-1)!;
    if (at[last] !== undefined) throw new OpenImageError(`Parameter '${name}' is given in two ways`);
    at[last] = isJsonObject(value) ? nest(value) : value;
  }
  for (const [name, value] of Object.entries(nested)) nested[name] = asList(value);
  return nested;
}

function asList(value: Json): Json {
  if (!isJsonObject(value)) return value;
  const names = Object.keys(value);
  const isList = names.length > 0 && names.every((name, index) => name === String(index));
  return isList ? names.map((name) => value[name]!) : value;
}

/** Texts where `type` wants a number or a boolean are read as such; anything else stays for the type to judge. */
export function withTypes(declared: Type, value: Json, name = ''): Json {
  const type = settle(declared);
  if (type.kind === 'alternate') return isJsonObject(value) ? withTypes(objectOf(type), value, name) : value;
  if (type.kind === 'array' && Array.isArray(value))
    return value.map((item) => withTypes(type.items, item, name));
  if (typeof value === 'string' && type.kind === 'bool') return booleanOf(value, name);
  if (typeof value === 'string' && type.kind === 'int') return numberOf(value, name);
  if (!isJsonObject(value) || (type.kind !== 'struct' && type.kind !== 'union')) return value;
  const branch = type.kind === 'union' ? type.branches[String(value[type.discriminator])] : undefined;
  const members: readonly Member[] = [...type.members, ...(branch?.members ?? [])];
  const typed = jsonObject(value);
  for (const member of members) {
    const given = value[member.name];
    if (given !== undefined) typed[member.name] = withTypes(member.type, given, member.name);
  }
  return typed;
}

function objectOf(type: AlternateType): Type {
  return type.branches.object!;
}

function booleanOf(text: string, name: string): boolean {
  if (text === 'on') return true;
  if (text === 'off') return false;
  throw new OpenImageError(`Parameter '${name}' expects 'on' or 'off'`);
}

function numberOf(text: string, name: string): number | bigint {
  const found = sizeOf(text);
  if (typeof found === 'number' || typeof found === 'bigint') return found;
  throw new OpenImageError(notASize(name, text, found));
}

/** What is said of an option that is no size. */
export function notASize(name: string, text: string, fault: 'syntax' | 'range'): string {
  if (fault === 'range') return `Value '${text}' is out of range for parameter '${name}'`;
  return (
    `Parameter '${name}' expects a non-negative number below 2^64\n` +
    'Optional suffix k, M, G, T, P or E means kilo-, mega-, giga-, tera-, peta-\nand exabytes, respectively.'
  );
}
