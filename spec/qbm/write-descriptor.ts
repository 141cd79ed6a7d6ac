/** Writes a descriptor: one text for one meaning. FORMAT.md, QBM-012 and QBM-013. */
import type { Json } from '../json/value.js';
import { writeJson, writeString } from '../json/write.js';
import type { BitmapEntry, Descriptor, ImageRef, SoftExtensions } from './descriptor.js';
import { CHECKSUM, IN_USE, INCONSISTENT, RECORDING } from './extensions.js';
import { readDescriptor } from './read-descriptor.js';

/** A member that is written: its name, and the text of its value or the members of it. */
type Member = readonly [name: string, value: string | readonly Member[]];

/**
 * The canonical text of `written`, with a line break at the end. It is read back: what a reader would refuse is not
 * written.
 * @param file the descriptor's name, for messages
 * @throws QbmError as readDescriptor does
 */
export function writeDescriptor(written: Descriptor, file: string): string {
  const members: Member[] = [
    ['version', '1'],
    ['image', imageMembers(written.image)],
    ['bitmaps', sorted(written.bitmaps.map((entry) => [entry.name, bitmapMembers(entry)]))],
  ];
  const extensions = softMembers(written.extensions, null);
  if (written.inUse !== null) {
    const { policy, writer } = written.inUse;
    extensions.push([IN_USE, [text('policy', policy), text('writer', writer)]]);
  }
  const result = `${layout([['QBM', [...members, ...sorted(extensions)]]], '')}\n`;
  readDescriptor(result, { trust: 'local', file });
  return result;
}

function imageMembers(image: ImageRef): Member[] {
  return [
    text('file', image.file),
    text('format', image.format),
    ...sorted(softMembers(image.extensions, image.checksum)),
  ];
}

function bitmapMembers(entry: BitmapEntry): Member[] {
  const extensions = softMembers(entry.extensions, entry.checksum);
  if (!entry.recording) extensions.push([RECORDING, 'false']);
  if (entry.inconsistent) extensions.push([INCONSISTENT, 'true']);
  const members: Member[] = [
    text('file', entry.file),
    ['granularity-bytes', String(entry.granularityBytes)],
    text('type', entry.type),
  ];
  if (entry.backing !== null) members.push(['backing', imageMembers(entry.backing)]);
  return [...members, ...sorted(extensions)];
}

function softMembers(extensions: SoftExtensions, checksum: string | null): Member[] {
  const members = [...extensions].map(
    ([name, value]: [string, Json]): Member => [name, writeJson(value, { sorted: true })],
  );
  if (checksum !== null) members.push(text(CHECKSUM, checksum));
  return members;
}

function text(name: string, value: string): Member {
  return [name, writeString(value)];
}

/** By UTF-16 code units, as RFC 8785 sorts. */
function sorted(members: Member[]): Member[] {
  return members.sort(([a], [b]) => (a < b ? -1 : 1));
}

function layout(members: readonly Member[], indent: string): string {
  if (members.length === 0) return '{}';
  const inner = `${indent}  `;
  const lines = members.map(([name, value]) => {
    return `${inner}${writeString(name)}: ${typeof value === 'string' ? value : layout(value, inner)}`;
  });
  return `{\n${lines.join(',\n')}\n${indent}}`;
}
