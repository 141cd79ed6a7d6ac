/** `convert`: the content of one image, or of several one after the other, in a new one. IMG-006 */
import { CopyError, copy } from '../../../block/copy/copy.js';
import type { Node } from '../../../block/node.js';
import { flush } from '../../../block/request.js';
import { type JsonObject, jsonObject } from '../../../json/value.js';
import { OpenImageError } from '../../open-error.js';
import { sizeOf } from '../../size.js';
import { type Options, optionsOf, readingFlags } from '../common.js';
import { type Context, checkCache, ImgError, reasonOf, writing } from '../context.js';
import { Progress } from '../progress.js';
import { checkBitmapsOf, copyBitmaps } from './bitmap.js';
import { asksHelp, createNew, filesBelow, formatOptions, printOptions } from './create.js';

const SPEC = {
  short: 'hf:O:B:CcF:o:l:S:pt:T:qnm:WUr:',
  long: [
    'help=h',
    'object:',
    'image-opts',
    'target-image-opts',
    'force-share=U',
    'salvage',
    'target-is-zero',
    'bitmaps',
    'skip-broken-bitmaps',
  ],
};

/** Bytes of zeros that make a hole, unless -S says otherwise. */
const SPARSE = 4096;
const LARGEST_SPARSE = 16777216;

/** What the command line asks for. */
interface Plan {
  readonly sources: readonly string[];
  readonly target: string;
  readonly format: string;
  readonly sparse: number;
  readonly skipsCreation: boolean;
  readonly isTargetOptions: boolean;
  readonly isZero: boolean;
  readonly copiesBitmaps: boolean;
  readonly salvages: boolean;
  readonly values: JsonObject;
}

export function convert(context: Context, argv: readonly string[]): number {
  const options = optionsOf(argv, SPEC);
  context.isQuiet = options.has('q');
  const format = options.value('O') ?? 'raw';
  if (options.all('o').some(asksHelp)) return printOptions(context, format);
  const plan = planOf(options, format);
  const flags = readingFlags(options);
  const sources: Node[] = [];
  try {
    for (const name of plan.sources) sources.push(context.open(name, { ...flags, isAlone: true }));
    convertFrom(context, plan, sources, options);
  } finally {
    for (const node of sources) context.close(node);
  }
  return 0;
}

function convertFrom(context: Context, plan: Plan, sources: readonly Node[], options: Options): void {
  const { format } = plan;
  checkTarget(plan, sources, options);
  const total = sources.reduce((sum, { size }) => sum + size, 0);
  const target = openTarget(context, plan, sources, total, options.value('t'));
  if (target.size < total) {
    if (plan.skipsCreation) throw new ImgError('output file is smaller than input file');
    throw new ImgError(
      `${plan.target}: error while converting ${format}: the target is smaller than the source`,
    );
  }
  const progress = new Progress(context, options.has('p'));
  try {
    copyAll(context, plan, sources, target, (done) => progress.at(done, total));
    if (plan.copiesBitmaps) copyBitmaps(context, sources[0]!, target);
    flush(target);
    context.close(target);
    progress.at(total, total);
  } catch (error) {
    progress.end();
    throw incomplete(plan, error);
  }
  progress.end();
}

/** @throws ImgError for what does not go together, in qemu-img's order */
function planOf(options: Options, format: string): Plan {
  const backing = options.value('B');
  const skipsCreation = options.has('n');
  const isTargetOptions = options.has('target-image-opts');
  if (!skipsCreation && isTargetOptions) throw new ImgError('--target-image-opts requires use of -n flag');
  if (options.has('target-is-zero') && !skipsCreation)
    throw new ImgError('--target-is-zero requires use of -n flag');
  if (options.has('skip-broken-bitmaps') && !options.has('bitmaps'))
    throw new ImgError('Use of --skip-broken-bitmaps requires --bitmaps');
  checkNumbers(options);
  if (skipsCreation && options.has('o')) throw new ImgError('-o has no effect when skipping image creation');
  if (options.rest.length < 2) throw new ImgError('Must specify image file name');
  const sources = options.rest.slice(0, -1);
  if (options.has('l')) throw new ImgError("Failed to load snapshot: Can't find snapshot");
  const values = formatOptions(format, options.all('o'));
  if (backing !== undefined) values.backing_file = backing;
  const backingFormat = options.value('F');
  if (backingFormat !== undefined) values.backing_fmt = backingFormat;
  return {
    sources,
    target: options.rest.at(-1)!,
    format,
    sparse: sparseOf(options),
    skipsCreation,
    isTargetOptions,
    isZero: options.has('target-is-zero'),
    copiesBitmaps: options.has('bitmaps'),
    salvages: options.has('salvage'),
    values,
  };
}

/** What does not go together of things that are there, in qemu-img's order: the sources have been opened. @throws ImgError */
function checkTarget({ values, format }: Plan, sources: readonly Node[], options: Options): void {
  const hasBacking = values.backing_file !== undefined;
  if (hasBacking && format === 'raw') throw new ImgError("Backing file not supported for file format 'raw'");
  if (options.has('target-is-zero') && hasBacking)
    throw new ImgError('Cannot use --target-is-zero when the destination image has a backing file');
  if (sources.length > 1 && hasBacking) {
    throw new ImgError(
      'Having a backing file for the target makes no sense when concatenating multiple input images',
    );
  }
  if (hasBacking && values.backing_fmt === undefined)
    throw new ImgError('Use of backing file requires explicit backing format');
  if (options.has('bitmaps')) {
    if (sources.length > 1) throw new ImgError('Copying bitmaps only possible with single source');
    checkBitmapSource(sources[0]!);
    if (!options.has('skip-broken-bitmaps')) checkBitmapsOf(sources[0]!);
    if (format === 'raw') throw new ImgError("Format driver 'raw' does not support bitmaps");
  }
  if (options.has('c')) throw new ImgError('Compression not supported for this file format');
}

function checkNumbers(options: Options): void {
  for (const mode of options.all('t')) checkCache(mode);
  for (const mode of options.all('T')) checkCache(mode, 'source cache');
  for (const text of options.all('m')) {
    const workers = Number(text);
    if (!(Number.isInteger(workers) && workers >= 1 && workers <= 16))
      throw new ImgError('Invalid number of coroutines. Allowed number of coroutines is between 1 and 16');
  }
}

function sparseOf(options: Options): number {
  const text = options.value('S');
  if (text === undefined) return SPARSE;
  const size = sizeOf(text);
  if (typeof size === 'string') {
    throw new ImgError(
      'Invalid buffer size for sparse output specified. You may use k, M, G, T, P or E suffixes for\n' +
        'qbm img: kilobytes, megabytes, gigabytes, terabytes, petabytes and exabytes.',
    );
  }
  if (typeof size === 'bigint' || size % 512 !== 0 || size > LARGEST_SPARSE) {
    throw new ImgError(
      `Invalid buffer size for sparse output specified. Valid sizes are multiples of 512 up to ${LARGEST_SPARSE}. ` +
        'Select 0 to disable sparse detection (fully allocates output).',
    );
  }
  return size;
}

function openTarget(
  context: Context,
  plan: Plan,
  sources: readonly Node[],
  total: number,
  cache = 'unsafe',
): Node {
  const { target, format, values } = plan;
  if (!plan.skipsCreation) {
    values.size ??= total;
    try {
      const taken = sources.flatMap((node) => [...filesBelow(node)]);
      createNew(context, target, { format, values }, { isUnsafe: false, isSilent: true, taken });
    } catch (error) {
      const reason = error instanceof ImgError ? error.message : reasonOf(error);
      throw new ImgError(`${target}: error while converting ${format}: ${reason}`);
    }
  }
  const trusted = format === 'qbm' && !plan.isTargetOptions ? jsonObject({ trusted: true }) : jsonObject();
  return context.open(target, {
    format: plan.isTargetOptions ? undefined : format,
    isOptions: plan.isTargetOptions,
    write: true,
    // What was just made here, by names given here, is vouched for.
    options: jsonObject({ ...writing(cache), ...(plan.skipsCreation ? {} : trusted) }),
  });
}

function copyAll(
  context: Context,
  plan: Plan,
  sources: readonly Node[],
  target: Node,
  tell: (done: number) => void,
): void {
  const hasBacking = plan.values.backing_file !== undefined;
  let at = 0;
  for (const from of sources) {
    const { sparse } = plan;
    const onReadError = plan.salvages
      ? (error: unknown, offset: number) =>
          context.complain(`warning: error while reading offset ${offset}: ${reasonOf(error)}`)
      : undefined;
    for (const done of copy({
      from,
      to: target,
      at,
      sparse,
      zeroFrom: zeroFrom(plan, target),
      above: hasBacking ? 'layer' : null,
      ...(onReadError === undefined ? {} : { onReadError }),
      asData: sparse === 0,
    }))
      tell(at + done);
    at += from.size;
  }
}

/** Without looking for zeros the whole of the target is to be there; so it is where something may be there already. */
function zeroFrom({ skipsCreation, isZero, sparse }: Plan, target: Node): number {
  if (sparse === 0 || (skipsCreation && !isZero)) return Infinity;
  return isZero ? 0 : (target.backing?.size ?? 0);
}

function checkBitmapSource(node: Node): void {
  if (node.driver.store === undefined) throw new ImgError('Source lacks bitmap support');
}

/** The target is there, but not what it should be: that is said, too. */
function incomplete(plan: Plan, error: unknown): ImgError {
  const note = plan.skipsCreation ? 'has been partly overwritten' : 'is incomplete';
  const reason =
    error instanceof CopyError
      ? `${error.message}: ${reasonOf(error.cause)}`
      : error instanceof ImgError || error instanceof OpenImageError
        ? error.message
        : reasonOf(error);
  return new ImgError(`${reason}\n'${plan.target}' ${note}`);
}
