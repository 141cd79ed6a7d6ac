/** `map`: in which layer of the chain each part of an image is, and where in which file. IMG-009, IMG-015 */
import type { Node } from '../../../block/node.js';
import { statusPieces } from '../../../block/status.js';
import { isJsonOutput, type Options, oneFile, optionsOf, readingFlags, sizeArgument } from '../common.js';
import { type Context, ImgError } from '../context.js';

interface Entry {
  readonly start: number;
  readonly length: number;
  readonly depth: number;
  readonly present: boolean;
  readonly zero: boolean;
  readonly data: boolean;
  readonly at: { readonly node: Node; readonly offset: number } | null;
}

const SPEC = {
  short: 'hf:U',
  long: [
    'help=h',
    'format=f',
    'output:',
    'object:',
    'image-opts',
    'force-share=U',
    'start-offset=s',
    'max-length=l',
  ],
};

export function map(context: Context, argv: readonly string[]): number {
  const options = optionsOf(argv, { ...SPEC, short: `${SPEC.short}s:l:` });
  const isJson = isJsonOutput(options);
  const start = bytesOf(options, 's', 'start offset') ?? 0;
  const longest = bytesOf(options, 'l', 'max length');
  const name = oneFile(options);
  const node = context.open(name, readingFlags(options));
  const end = longest === undefined ? node.size : Math.min(node.size, start + longest);
  const entries = mergedEntries(node, start, end);
  if (isJson) printJson(context, entries);
  else printHuman(context, entries);
  return 0;
}

function bytesOf(options: Options, name: string, what: string): number | undefined {
  const text = options.value(name);
  return text === undefined ? undefined : sizeArgument(text, what);
}

/** One at a time, however many there are; at least one, which may be empty. */
function* mergedEntries(node: Node, start: number, end: number): Generator<Entry> {
  let open: Entry | undefined;
  for (const piece of statusPieces(node, start, end - start)) {
    const { isZero: zero, isData: data, isAllocated, at } = piece;
    const isKnown = zero || data;
    const depth = isKnown ? piece.depth : 0;
    const next = {
      start: piece.offset,
      length: piece.length,
      depth,
      present: isKnown && isAllocated,
      zero,
      data,
    };
    const entry: Entry = { ...next, at: isKnown ? at : null };
    if (open !== undefined && continues(open, entry)) open = { ...open, length: open.length + entry.length };
    else {
      if (open !== undefined) yield open;
      open = entry;
    }
  }
  yield open ?? { start, length: 0, depth: 0, present: false, zero: false, data: false, at: null };
}

function continues(entry: Entry, next: Entry): boolean {
  if (entry.zero !== next.zero || entry.data !== next.data || entry.present !== next.present) return false;
  if (entry.depth !== next.depth || (entry.at === null) !== (next.at === null)) return false;
  return (
    entry.at === null ||
    (entry.at.node === next.at!.node && entry.at.offset + entry.length === next.at!.offset)
  );
}

function printHuman(context: Context, entries: Iterable<Entry>): void {
  context.print(columns('Offset', 'Length', 'Mapped to', 'File'));
  for (const { start, length, data, zero, at } of entries) {
    if (!data || zero) continue;
    if (at === null) throw new ImgError('File contains external, encrypted or compressed clusters.');
    context.print(columns(hex(start), hex(length), hex(at.offset), at.node.filename));
  }
}

function columns(offset: string, length: string, mapped: string, file: string): string {
  return `${offset.padEnd(16)}${length.padEnd(16)}${mapped.padEnd(16)}${file}`;
}

function hex(value: number): string {
  return value === 0 ? '0' : `0x${value.toString(16)}`;
}

function printJson(context: Context, entries: Iterable<Entry>): void {
  let isFirst = true;
  for (const { start, length, depth, present, zero, data, at } of entries) {
    const place = at === null ? '' : `, "offset": ${at.offset}`;
    const text = `{ "start": ${start}, "length": ${length}, "depth": ${depth}, "present": ${present}, "zero": ${zero}, "data": ${data}${place}}`;
    context.world.stdout(`${isFirst ? '[' : ',\n'}${text}`);
    isFirst = false;
  }
  context.print(']');
}
