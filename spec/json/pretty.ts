/** JSON over several lines as QEMU's tools print it: four spaces a level, members in their order, an empty list on two lines. */
import { isJsonObject, type Json } from './value.js';
import { writeJson, writeString } from './write.js';

/** Ends without a line break. */
export function layoutPretty(value: Json, indent = ''): string {
  const inner = `${indent}    `;
  if (Array.isArray(value)) {
    const items = value.map((item) => inner + layoutPretty(item, inner));
    return `[\n${items.join(',\n')}${items.length === 0 ? '' : '\n'}${indent}]`;
  }
  if (!isJsonObject(value)) return writeJson(value);
  const members = Object.entries(value).map(
    ([name, member]) => `${inner}${writeString(name)}: ${layoutPretty(member, inner)}`,
  );
  return `{\n${members.join(',\n')}${members.length === 0 ? '' : '\n'}${indent}}`;
}
