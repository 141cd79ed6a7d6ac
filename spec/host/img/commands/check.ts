/** `check`: what is wrong with an image, by the rules of its format; `-r` repairs what can be without hiding a write. */
import { layoutPretty } from '../../../json/pretty.js';
import { isJsonObject, type JsonObject, jsonObject } from '../../../json/value.js';
import { type CheckOptions, checkImage } from '../../../qbm/check/check.js';
import type { Finding } from '../../../qbm/check/finding.js';
import { repairImage } from '../../../qbm/check/repair.js';
import { QbmError } from '../../../qbm/errors.js';
import { readDescriptor } from '../../../qbm/read-descriptor.js';
import { DescriptorFile } from '../../../qbm/update.js';
import { reasonOf as errnoText } from '../../../storage/reason.js';
import { OpenImageError } from '../../open-error.js';
import { namedOptions } from '../../open-image.js';
import { usage } from '../arguments.js';
import { isJsonOutput, type Options, oneFile, optionsOf, readingFlags } from '../common.js';
import { type Context, checkCache, ImgError, reasonOf } from '../context.js';

const SPEC = {
  short: 'hf:r:T:qU',
  long: ['help=h', 'format=f', 'repair=r', 'output:', 'object:', 'image-opts', 'force-share=U'],
};

/** Exit codes beside 0 and 1. */
const CORRUPT = 2;
const LEAKS = 3;
const UNSUPPORTED = 63;

/** What is found, counted as qemu-img counts it. */
interface Result {
  readonly errors: readonly Finding[];
  readonly leaks: readonly Finding[];
  /** granules of the disk, and those that are allocated; null of an image without an allocation bitmap */
  readonly clusters: { readonly total: number; readonly allocated: number } | null;
}

export function check(context: Context, argv: readonly string[]): number {
  const options = optionsOf(argv, SPEC);
  const isJson = isJsonOutput(options);
  context.isQuiet = options.has('q');
  const fix = options.value('r');
  if (fix !== undefined && fix !== 'leaks' && fix !== 'all')
    throw usage(`Unknown option value for -r (expecting 'leaks' or 'all'): ${fix}`);
  const cache = options.value('T');
  if (cache !== undefined) checkCache(cache, 'source cache');
  const name = oneFile(options);
  const image = describedImage(context, name, options);
  const repaired = fix === undefined ? [] : repairs(context, image, fix);
  const result = findings(context, name, image);
  if (isJson) context.print(layoutPretty(asJson(name, result, repaired)));
  else say(context, result, repaired);
  if (result.errors.length > 0) return CORRUPT;
  return result.leaks.length > 0 ? LEAKS : 0;
}

interface Described {
  readonly descriptor: string;
  readonly options: CheckOptions;
}

/** The descriptor that the name leads to, which need not open as an image. @throws ImgError 63 for other formats */
function describedImage(context: Context, name: string, options: Options): Described {
  let found: ReturnType<typeof namedOptions>;
  try {
    found = namedOptions(context.machine, name, readingFlags(options));
  } catch (error) {
    if (!(error instanceof OpenImageError)) throw error;
    throw new ImgError(`Could not open '${name}': ${error.message}`);
  }
  const { driver, file } = found;
  if (
    driver !== 'qbm' ||
    !isJsonObject(file) ||
    file.driver !== 'file' ||
    typeof file.filename !== 'string'
  ) {
    // What cannot be opened at all is told as such first.
    context.open(name, readingFlags(options));
    throw new ImgError('This image format does not support checks', UNSUPPORTED);
  }
  const trust = found.trusted === true || found.trusted === 'on' ? 'local' : 'stranger';
  const base = { trust, makeHash: context.world.makeHash } as const;
  const imageSize = dataSize(context, file.filename, trust);
  return { descriptor: file.filename, options: { ...base, imageSize } };
}

/** Bytes of the data image, or null if it cannot be opened: then that is among what check finds. */
function dataSize(context: Context, name: string, trust: 'stranger' | 'local'): number | null {
  const { storage } = context.world;
  let file: DescriptorFile | null = null;
  try {
    file = DescriptorFile.open(storage, name, 'shared');
    const { image } = readDescriptor(file.content, { trust, file: name });
    const filename = storage.resolve(name, image.file);
    const isTrusted = trust === 'local' && image.format === 'qbm';
    const node = context.open(filename, {
      format: image.format,
      ...(isTrusted ? { options: jsonObject({ trusted: true }) } : {}),
    });
    const size = node.size;
    context.close(node);
    return size;
  } catch (error) {
    if (error instanceof QbmError && error.id === 'QBM-E-LOCKED') throw locked(name);
    if (!(error instanceof ImgError)) reasonOf(error);
    return null;
  } finally {
    file?.close();
  }
}

function locked(name: string): ImgError {
  return new ImgError(
    `Could not open '${name}': Failed to get shared "write" lock\nIs another process using the image [${name}]?`,
  );
}

function findings(context: Context, name: string, { descriptor, options }: Described): Result {
  let found: Finding[];
  try {
    found = checkImage(context.world.storage, descriptor, options);
  } catch (error) {
    throw error instanceof QbmError && error.id === 'QBM-E-LOCKED' ? locked(name) : error;
  }
  // What is below and in use is told as by whoever opens the image.
  if (found.some(({ id }) => id === 'QBM-E-LOCKED'))
    context.close(context.open(descriptor, { format: 'qbm', options: trustOf(options) }));
  const leaks = found.filter(({ severity }) => severity === 'leftover');
  const errors = found.filter(({ severity }) => severity !== 'leftover');
  if (context.world.storage.kind(descriptor) === null)
    throw new ImgError(`Could not open '${name}': Could not open '${descriptor}': ${errnoText('ENOENT')}`);
  // Without a descriptor there is nothing that could be checked.
  const missing = errors.find(({ id }) => id === 'QBM-E-NO-FILE' || id === 'QBM-E-NOT-QBM');
  if (missing !== undefined && options.imageSize === null && errors.length === 1 && missing.bitmap === null)
    throw new ImgError(`Could not open '${name}': ${missing.text}`);
  const clusters = found.some(({ severity }) => severity === 'error')
    ? null
    : clustersOf(context, descriptor, options);
  return { errors, leaks, clusters };
}

function trustOf({ trust }: Pick<CheckOptions, 'trust'>): JsonObject {
  return trust === 'local' ? jsonObject({ trusted: true }) : jsonObject();
}

function clustersOf(context: Context, name: string, { trust }: CheckOptions): Result['clusters'] {
  const node = context.open(name, { format: 'qbm', options: trustOf({ trust }), noBacking: true });
  try {
    return node.driver.clusters?.() ?? null;
  } finally {
    context.close(node);
  }
}

/** @throws ImgError when the image is in use */
function repairs(
  context: Context,
  { descriptor, options }: Described,
  fix: 'leaks' | 'all',
): readonly Finding[] {
  try {
    const which = fix === 'all' ? 'all' : 'leftovers';
    return repairImage(context.world.storage, descriptor, options, which).repaired;
  } catch (error) {
    if (error instanceof QbmError && error.id === 'QBM-E-LOCKED') throw locked(descriptor);
    // A descriptor that cannot be read is what the check after this says.
    if (error instanceof QbmError && error.id === 'QBM-E-NO-FILE') return [];
    throw error;
  }
}

function say(context: Context, { errors, leaks, clusters }: Result, repaired: readonly Finding[]): void {
  if (repaired.length > 0) {
    const fixedLeaks = repaired.filter(({ severity }) => severity === 'leftover').length;
    for (const { id, text } of repaired) context.say(`Repaired: ${id}: ${text}`);
    context.say(
      `The following inconsistencies were found and repaired:\n\n    ${fixedLeaks} leaked clusters\n` +
        `    ${repaired.length - fixedLeaks} corruptions\n\nDouble checking the fixed image now...`,
    );
  }
  for (const { id, text } of errors) context.world.stderr(`ERROR ${id}: ${text}\n`);
  for (const { id, text } of leaks) context.world.stderr(`Leaked ${id}: ${text}\n`);
  if (errors.length === 0 && leaks.length === 0) context.say('No errors were found on the image.');
  if (errors.length > 0) {
    context.say(
      `\n${errors.length} errors were found on the image.\n` +
        'Data may be corrupted, or further writes to the image may corrupt it.',
    );
  }
  if (leaks.length > 0) {
    context.say(
      `\n${leaks.length} leaked clusters were found on the image.\n` +
        'This means waste of disk space, but no harm to data.',
    );
  }
  if (clusters !== null && clusters.total > 0 && clusters.allocated > 0) {
    const percent = ((clusters.allocated * 100) / clusters.total).toFixed(2);
    context.say(
      `${clusters.allocated}/${clusters.total} = ${percent}% allocated, 0.00% fragmented, 0.00% compressed clusters`,
    );
  }
}

function asJson(filename: string, { errors, leaks, clusters }: Result, repaired: readonly Finding[]) {
  const shown = jsonObject();
  if (clusters !== null) shown['total-clusters'] = clusters.total;
  shown['check-errors'] = 0;
  if (clusters !== null) shown['allocated-clusters'] = clusters.allocated;
  shown.filename = filename;
  shown.format = 'qbm';
  if (errors.length > 0) shown.corruptions = errors.length;
  if (leaks.length > 0) shown.leaks = leaks.length;
  const fixedLeaks = repaired.filter(({ severity }) => severity === 'leftover').length;
  if (fixedLeaks > 0) shown['leaks-fixed'] = fixedLeaks;
  if (repaired.length > fixedLeaks) shown['corruptions-fixed'] = repaired.length - fixedLeaks;
  const listed = [...errors, ...leaks];
  if (listed.length > 0) {
    shown.findings = listed.map(({ id, severity, text }) => jsonObject({ id, severity, text }));
  }
  return shown;
}
