/** `info`: what an image is, and, asked for, each one below it. IMG-002 */
import { QbmDriver } from '../../../block/drivers/qbm.js';
import type { Node } from '../../../block/node.js';
import { layoutPretty } from '../../../json/pretty.js';
import { type JsonObject, jsonObject } from '../../../json/value.js';
import { isSuspect } from '../../../qbm/check/look.js';
import type { BitmapEntry, Descriptor } from '../../../qbm/descriptor.js';
import type { OpenFlags } from '../../open-image.js';
import { humanSize } from '../../size.js';
import { isJsonOutput, oneFile, optionsOf, readingFlags } from '../common.js';
import { type Context, ImgError } from '../context.js';

/** What is said of one image. */
interface ImageInfo {
  readonly filename: string;
  readonly format: string;
  /** bytes */
  readonly size: number;
  /** bytes, or null where nobody knows */
  readonly diskSize: number | null;
  readonly clusterSize: number | null;
  /** as the image has it, and as it is found from here */
  readonly backing: { readonly name: string; readonly path: string; readonly format: string } | null;
  readonly descriptor: Descriptor | null;
  readonly dirtyFlag: boolean;
}

const SPEC = {
  short: 'hf:U',
  long: ['help=h', 'format=f', 'output:', 'backing-chain', 'object:', 'image-opts', 'force-share=U'],
};

export function info(context: Context, argv: readonly string[]): number {
  const options = optionsOf(argv, SPEC);
  const isJson = isJsonOutput(options);
  const name = oneFile(options);
  const isChain = options.has('backing-chain');
  const flags = readingFlags(options);
  const found: ImageInfo[] = [];
  const seen = new Set<string>();
  // Each layer is opened by itself: what is above a layer that cannot be opened is fine, and said by its name.
  let next: { name: string; flags: OpenFlags } | null = { name, flags };
  while (next !== null) {
    if (seen.has(context.world.storage.identity(next.name)))
      throw new ImgError(`Backing file '${next.name}' creates an infinite loop.`);
    seen.add(context.world.storage.identity(next.name));
    const node = context.open(next.name, { ...next.flags, noBacking: true });
    const one = infoOf(context, node);
    context.close(node);
    found.push(one);
    const { backing } = one;
    const { forceShare } = flags;
    next =
      isChain && backing !== null
        ? { name: backing.path, flags: { format: backing.format, forceShare } }
        : null;
  }
  if (isJson) context.print(layoutPretty(isChain ? found.map(asJson) : asJson(found[0]!)));
  else context.world.stdout(found.map(asText).join('\n'));
  return 0;
}

function infoOf(context: Context, node: Node): ImageInfo {
  const { driver } = node;
  const descriptor = driver instanceof QbmDriver ? driver.descriptor : null;
  const entry = descriptor?.bitmaps.find(({ backing }) => backing !== null)?.backing ?? null;
  return {
    filename: node.filename,
    format: driver.name,
    size: node.size,
    diskSize: diskSizeOf(node),
    clusterSize: driver.clusterSize,
    backing:
      entry === null
        ? null
        : {
            name: entry.file,
            path: context.world.storage.resolve(node.filename, entry.file),
            format: entry.format,
          },
    descriptor,
    dirtyFlag: descriptor?.inUse != null,
  };
}

/** Of the files that make the image, without what is below it. */
function diskSizeOf(node: Node): number | null {
  const below = node.children.filter(({ role }) => role !== 'backing');
  let sum = node.driver.allocated?.() ?? (below.length === 0 && node.driver.name === 'file' ? null : 0);
  for (const { child } of below) {
    const size = diskSizeOf(child);
    sum = sum === null || size === null ? null : sum + size;
  }
  return sum;
}

function asText(found: ImageInfo): string {
  const { filename, format, size, diskSize, clusterSize, backing, dirtyFlag } = found;
  const lines = [
    `image: ${filename}`,
    `file format: ${format}`,
    `virtual size: ${humanSize(size)} (${size} bytes)`,
    `disk size: ${diskSize === null ? 'unavailable' : humanSize(diskSize)}`,
  ];
  if (dirtyFlag) lines.push('cleanly shut down: no');
  if (clusterSize !== null) lines.push(`cluster_size: ${clusterSize}`);
  if (backing !== null) {
    const actual = backing.path === backing.name ? '' : ` (actual path: ${backing.path})`;
    lines.push(`backing file: ${backing.name}${actual}`, `backing file format: ${backing.format}`);
  }
  if (found.descriptor !== null) lines.push(...specificText(found.descriptor));
  return `${lines.join('\n')}\n`;
}

function specificText(read: Descriptor): string[] {
  const lines = ['Format specific information:', `    data file: ${read.image.file}`];
  lines.push(`    data file format: ${read.image.format}`);
  const dirty = read.bitmaps.filter(({ type }) => type === 'dirty');
  if (dirty.length === 0) return lines;
  lines.push('    bitmaps:');
  for (const [index, entry] of dirty.entries()) {
    lines.push(`        [${index}]:`, '            flags:');
    for (const [at, flag] of flagsOf(read, entry).entries()) lines.push(`                [${at}]: ${flag}`);
    lines.push(`            name: ${entry.name}`, `            granularity: ${entry.granularityBytes}`);
  }
  return lines;
}

/** As QEMU has them for qcow2: `auto` records, `in-use` was not stored back. */
function flagsOf(read: Descriptor, entry: BitmapEntry): string[] {
  return [...(isSuspect(read, entry) ? ['in-use'] : []), ...(entry.recording ? ['auto'] : [])];
}

function asJson(found: ImageInfo): JsonObject {
  const { filename, format, size, diskSize, clusterSize, backing, descriptor, dirtyFlag } = found;
  const shown = jsonObject();
  if (backing !== null) shown['backing-filename-format'] = backing.format;
  shown['virtual-size'] = size;
  shown.filename = filename;
  if (clusterSize !== null) shown['cluster-size'] = clusterSize;
  shown.format = format;
  if (diskSize !== null) shown['actual-size'] = diskSize;
  if (descriptor !== null) {
    shown['format-specific'] = jsonObject({ type: 'qbm', data: specificJson(descriptor) });
  }
  if (backing !== null) {
    shown['full-backing-filename'] = backing.path;
    shown['backing-filename'] = backing.name;
  }
  shown['dirty-flag'] = dirtyFlag;
  return shown;
}

function specificJson(read: Descriptor): JsonObject {
  const data = jsonObject({ 'data-file': read.image.file, 'data-file-format': read.image.format });
  const dirty = read.bitmaps.filter(({ type }) => type === 'dirty');
  if (dirty.length > 0) {
    data.bitmaps = dirty.map((entry) =>
      jsonObject({ flags: flagsOf(read, entry), name: entry.name, granularity: entry.granularityBytes }),
    );
  }
  return data;
}
