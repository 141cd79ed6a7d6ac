/** `resize`: another size of the disk. IMG-011 */
import { resize as resizeNode } from '../../../block/resize.js';
import { jsonObject } from '../../../json/value.js';
import { StorageError } from '../../../storage/storage.js';
import { notASize } from '../../keyval.js';
import { sizeOf } from '../../size.js';
import { usage } from '../arguments.js';
import { optionsOf, readingFlags } from '../common.js';
import { type Context, hintOf, ImgError, reasonOf, writing } from '../context.js';
import { locked } from './create.js';

const SPEC = { short: 'f:hq', long: ['help=h', 'object:', 'image-opts', 'preallocation:', 'shrink'] };
const PREALLOCATION = ['off', 'metadata', 'falloc', 'full'];

export function resize(context: Context, argv: readonly string[]): number {
  // The last argument is the size, also when it looks like an option: -1G.
  if (argv.some((word) => word === '-h' || word === '--help')) optionsOf(['-h'], SPEC);
  if (argv.length < 2) throw usage('Not enough arguments');
  const options = optionsOf(argv.slice(0, -1), SPEC);
  const text = argv.at(-1)!;
  context.isQuiet = options.has('q');
  const preallocation = options.value('preallocation') ?? 'off';
  if (!PREALLOCATION.includes(preallocation))
    throw new ImgError(`Invalid preallocation mode '${preallocation}'`);
  if (options.rest.length !== 1) throw usage('Expecting image file name and size');
  const { sign, bytes } = sizeChange(text);
  const { format, isOptions } = readingFlags(options);
  const node = context.open(options.rest[0]!, {
    format,
    isOptions,
    write: true,
    options: jsonObject(writing()),
  });
  const current = node.driver.length();
  const size =
    sign === '' ? BigInt(bytes) : BigInt(current) + (sign === '+' ? BigInt(bytes) : -BigInt(bytes));
  if (size <= 0n || size >= 2n ** 63n) throw new ImgError('New image size must be positive');
  if (size <= BigInt(current) && preallocation !== 'off')
    throw new ImgError('Preallocation can only be used for growing images');
  if (size < BigInt(current) && !options.has('shrink')) {
    throw new ImgError(
      'Use the --shrink option to perform a shrink operation.\n' +
        "qbm img: warning: Shrinking an image will delete all data beyond the shrunken image's end. " +
        'Before performing such an operation, make sure there is no important data there.',
    );
  }
  if (preallocation !== 'off') throw new ImgError(`Unsupported preallocation mode '${preallocation}'`);
  if (node.driver.name === 'qbm' && size % 512n !== 0n)
    throw new ImgError('The new size must be a multiple of 512');
  try {
    resizeNode(context.machine.graph, node, size > BigInt(Number.MAX_SAFE_INTEGER) ? size : Number(size));
    context.close(node);
  } catch (error) {
    const isStorage = error instanceof StorageError;
    if (isStorage && error.errno === 'EAGAIN') {
      const { message } = locked(options.rest[0]!, 'resize');
      throw new ImgError(`Could not open '${options.rest[0]}': ${message}`);
    }
    throw new ImgError(`${isStorage ? 'Could not resize file: ' : ''}${reasonOf(error)}`, 1, hintOf(error));
  }
  context.say('Image resized.');
  return 0;
}

function sizeChange(text: string): { sign: '' | '+' | '-'; bytes: number | bigint } {
  const sign = text.startsWith('+') ? '+' : text.startsWith('-') ? '-' : '';
  const number = text.slice(sign.length);
  const bytes = sizeOf(number);
  if (typeof bytes === 'string') throw new ImgError(notASize('size', number, bytes));
  return { sign, bytes };
}
