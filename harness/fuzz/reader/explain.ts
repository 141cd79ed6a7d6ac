/**
 * Two readers refuse a descriptor with different ids, and both may be right: it has two faults. So each member of it is put
 * alone into a descriptor that is right otherwise: what both readers name there are the faults that it has.
 */
import { readJson } from '../../../spec/json/read.js';
import { isJsonObject, type Json, type JsonObject, jsonObject } from '../../../spec/json/value.js';
import { writeJson } from '../../../spec/json/write.js';
import { bytesOfText, descriptorsIn, type Sample, textIn, withFile } from './samples/sample.js';

/** The ids that tell of what a descriptor says; any other has one place where it is looked for. */
export const ABOUT_MEANING: ReadonlySet<string> = new Set(
  ['NOT-QBM', 'VERSION', 'MISSING', 'TYPE', 'KEY', 'EXT-HARD', 'EXTENSION', 'FORMAT', 'FILE', 'TRUST', 'NAME']
    .concat([
      'BITMAP-TYPE',
      'GRANULARITY',
      'ALLOCATION',
      'BACKING',
      'TOO-MANY',
      'FILE-TWICE',
      'LOOP',
      'LEVELS',
    ])
    .map((name) => `QBM-E-${name}`),
);

/** Samples that one is taken apart into: one with more members may have any number of faults. */
const MOST = 400;

/** Every fault of its descriptors alone; null: there are too many members. */
export function isolated(sample: Sample): Sample[] | null {
  const found: Sample[] = [];
  const descriptors = descriptorsIn(sample);
  // What is in other files has nothing to do with it, and may take long to be read.
  const files = new Map(
    [...sample.files].map(([name, content]) => [name, descriptors.includes(name) ? content : 0]),
  );
  for (const name of descriptors) {
    const text = textIn(sample.files.get(name));
    const value = text === null ? undefined : jsonIn(text);
    if (value === undefined) continue;
    for (const alone of outer(value)) {
      found.push({ ...withFile({ ...sample, files }, name, bytesOfText(writeJson(alone))), open: name });
      if (found.length > MOST) return null;
    }
  }
  return found;
}

function jsonIn(text: string): Json | undefined {
  try {
    return readJson(text, { depth: 32 });
  } catch {
    return undefined;
  }
}

const IN_USE = 'ext-hard-qbm-in-use';
const asObject = (value: Json | undefined): JsonObject => (isJsonObject(value) ? value : jsonObject());
const rightImage = (file: string): JsonObject => jsonObject({ file, format: 'raw' });
const rightBitmap = (file: string, type: Json = 'dirty'): JsonObject =>
  jsonObject({ file, 'granularity-bytes': 65536, type });
const rightMarker = (): JsonObject => jsonObject({ policy: 'writethrough', writer: '' });
const rightTop = (): JsonObject =>
  jsonObject({ version: 1, image: rightImage('right'), bitmaps: jsonObject() });

/** `right` with one member of `found`, or without one that is missing there. */
function* members(right: JsonObject, found: Json | undefined): Generator<JsonObject> {
  if (!isJsonObject(found)) return;
  for (const [name, value] of Object.entries(found)) yield jsonObject({ ...right, [name]: value });
  for (const name of Object.keys(right)) {
    if (Object.hasOwn(found, name)) continue;
    const { [name]: _, ...rest } = right;
    yield jsonObject(rest);
  }
}

function* outer(value: Json): Generator<Json> {
  if (!isJsonObject(value)) yield value;
  const { QBM: inner, ...beside } = asObject(value);
  yield* members(jsonObject({ QBM: rightTop() }), jsonObject({ QBM: rightTop(), ...beside }));
  if (inner === undefined) yield jsonObject(beside);
  else if (!isJsonObject(inner)) yield jsonObject({ QBM: inner });
  else for (const top of descriptor(inner)) yield jsonObject({ QBM: top });
}

function* descriptor(found: JsonObject): Generator<JsonObject> {
  const { image, bitmaps, [IN_USE]: marker, ...rest } = found;
  const right = rightTop();
  const withOne = (name: string, value: Json): JsonObject => jsonObject({ ...right, [name]: value });
  // What is no object is a fault by itself; the members of what is one are taken one by one.
  const plain = jsonObject({ ...rest });
  for (const [name, value] of Object.entries({ image, bitmaps, [IN_USE]: marker }))
    if (value !== undefined) plain[name] = isJsonObject(value) && name !== IN_USE ? right[name]! : value;
  yield* members(right, plain);
  for (const one of members(right.image as JsonObject, image)) yield withOne('image', one);
  for (const one of members(rightMarker(), marker)) yield withOne(IN_USE, one);
  yield* together(found, right);
  for (const [name, bitmap] of Object.entries(asObject(bitmaps)))
    for (const one of aloneBitmaps(bitmap)) yield withOne('bitmaps', jsonObject({ [name]: one }));
}

/** What a bitmap may say depends on its type. */
function* aloneBitmaps(bitmap: Json): Generator<Json> {
  if (!isJsonObject(bitmap)) yield bitmap;
  const { type, backing } = asObject(bitmap);
  const right = rightBitmap('right bitmap', type === 'allocation' ? type : 'dirty');
  yield right;
  yield* members(right, bitmap);
  const all = rightBitmap('right bitmap', 'allocation');
  for (const one of members(rightImage('right backing'), backing)) yield jsonObject({ ...all, backing: one });
}

/** Faults that it takes two members for: names of files, types, the number of bitmaps. */
function* together({ image, bitmaps }: JsonObject, right: JsonObject): Generator<JsonObject> {
  const entries = Object.values(asObject(bitmaps));
  const all = (made: readonly Json[]): JsonObject =>
    jsonObject({ ...right, bitmaps: jsonObject(Object.fromEntries(made.entries())) });
  const typeOf = (bitmap: Json): Json => (asObject(bitmap).type === 'allocation' ? 'allocation' : 'dirty');
  yield all(entries.map((bitmap, i) => rightBitmap(`right ${i}`, typeOf(bitmap))));
  const named = [image, ...entries.flatMap((bitmap) => [bitmap, asObject(bitmap).backing])]
    .map((one) => asObject(one).file)
    .filter((file) => typeof file === 'string');
  for (const file of new Set(named.filter((one, i) => named.indexOf(one) !== i)))
    yield jsonObject({ ...all([rightBitmap(file)]), image: rightImage(file) });
}
