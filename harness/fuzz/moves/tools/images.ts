/** Images that tools handle: which there are, what they stand on, and what the model has in them. */
import { readJson } from '../../../../spec/json/read.js';
import { isJsonObject, type Json, type JsonObject } from '../../../../spec/json/value.js';
import { DIRECTORY } from '../../../target/reference/model.js';
import { readReferenceImage, runReferenceTool } from '../../../target/reference/tools.js';
import type { ModelRun } from '../../draw/model-run.js';
import type { Sketch } from '../../draw/sketch.js';

/** An image that nobody has open. */
export interface Image {
  /** in the directory of the case */
  readonly name: string;
  /** as in cases: `{format}` or raw */
  readonly format: string;
  /** bytes */
  readonly size: number;
  /** as the image names it */
  readonly backing: string | null;
  readonly bitmaps: readonly { readonly name: string; readonly granularity: number }[];
}

/** Names of images that a history makes; what stands beside them has other names. */
const NAMES = /^img\d+$/;

const found = new WeakMap<Sketch, { readonly steps: number; readonly images: readonly Image[] }>();

/** Every image that is there, by name. */
export function imagesOf(sketch: Sketch): readonly Image[] {
  const before = found.get(sketch);
  if (before?.steps === sketch.steps.length) return before.images;
  const images = lookedAt(sketch);
  found.set(sketch, { steps: sketch.steps.length, images });
  return images;
}

function lookedAt(sketch: Sketch): Image[] {
  const prefix = `${DIRECTORY}/`;
  const names = sketch.run.model.storage
    .files()
    .map(([path]) => path.slice(prefix.length))
    .filter((name) => NAMES.test(name));
  return names.flatMap((name) => imageOf(sketch.run, name) ?? []);
}

/** What the model says of an image; null if it cannot open it. */
export function imageOf({ model }: ModelRun, name: string): Image | null {
  const args = ['info', '-U', '--output=json', name];
  const { code, stdout } = runReferenceTool(model.storage, DIRECTORY, { tool: 'img', args, input: '' });
  if (code !== 0) return null;
  const info = readJson(stdout) as JsonObject;
  const backing = info['backing-filename'];
  return {
    name,
    format: info.format === 'raw' ? 'raw' : '{format}',
    size: Number(info['virtual-size']),
    backing: typeof backing === 'string' ? backing : null,
    bitmaps: bitmapsIn(info),
  };
}

function bitmapsIn(info: JsonObject): Image['bitmaps'] {
  const specific = object(info['format-specific']);
  const { bitmaps } = object(specific.data);
  if (!Array.isArray(bitmaps)) return [];
  return bitmaps
    .map(object)
    .map(({ name, granularity }) => ({ name: String(name), granularity: Number(granularity) }));
}

function object(value: Json | undefined): JsonObject {
  return isJsonObject(value ?? null) ? (value as JsonObject) : ({} as JsonObject);
}

/** The images below one, nearest first, as far as they are known. */
export function chainBelow(image: Image, images: readonly Image[]): Image[] {
  const chain: Image[] = [];
  for (let { backing } = image; backing !== null; ) {
    const below = images.find(({ name }) => name === backing);
    if (below === undefined || chain.includes(below)) break;
    chain.push(below);
    backing = below.backing;
  }
  return chain;
}

/** The names of an image and of those below it, the first one twice if it is below itself. */
export function chainOf(run: ModelRun, name: string): string[] {
  const chain: string[] = [];
  for (let next: string | null = name; next !== null; next = imageOf(run, next)?.backing ?? null) {
    chain.push(next);
    if (chain.indexOf(next) < chain.length - 1) break;
  }
  return chain;
}

/** Whether a chain never ends. */
export function isLoop(run: ModelRun, name: string): boolean {
  if (!NAMES.test(name)) return false;
  const chain = chainOf(run, name);
  return new Set(chain).size < chain.length;
}

/** Bytes that are all the same. */
export interface Run {
  readonly offset: number;
  readonly length: number;
  readonly pattern: number;
}

/** What the model has in an image, as runs of equal bytes; null if it cannot read it. */
export function contentOf(run: ModelRun, { name, format }: Image): Run[] | null {
  const bytes = readReferenceImage(run.model.storage, DIRECTORY, name, formatName(run, format));
  return bytes === null ? null : runsOf(bytes);
}

/** What the model calls a format. */
function formatName({ model }: ModelRun, format: string): string {
  return format === 'raw' ? 'raw' : model.formatDriver;
}

export function runsOf(bytes: Uint8Array): Run[] {
  const runs: Run[] = [];
  for (let at = 0; at < bytes.length; ) {
    const pattern = bytes[at]!;
    let end = at + 1;
    while (end < bytes.length && bytes[end] === pattern) end++;
    runs.push({ offset: at, length: end - at, pattern });
    at = end;
  }
  return runs;
}
