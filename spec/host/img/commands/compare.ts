/** `compare`: whether two images have the same content; strictly, also the same size and allocation. IMG-010 */
import type { Node } from '../../../block/node.js';
import { read } from '../../../block/request.js';
import { type ChainStatus, statusInChain } from '../../../block/status.js';
import { usage } from '../arguments.js';
import { optionsOf, readingFlags } from '../common.js';
import { type Context, checkCache, ImgError, reasonOf } from '../context.js';
import { Progress } from '../progress.js';

/** Bytes that are looked at at once. */
const AT_ONCE = 2 * 1024 * 1024;
const SECTOR = 512;

const SPEC = { short: 'hf:F:T:pqsU', long: ['help=h', 'object:', 'image-opts', 'force-share=U'] };

export function compare(context: Context, argv: readonly string[]): number {
  const options = optionsOf(argv, SPEC);
  context.isQuiet = options.has('q');
  if (options.rest.length !== 2) throw usage('Expecting two image file names');
  const [one, two] = options.rest as [string, string];
  const cache = options.value('T');
  if (cache !== undefined) checkCache(cache, 'source cache');
  const { format, ...flags } = readingFlags(options);
  const first = context.open(one, { ...flags, format }, 2);
  const second = context.open(two, { ...flags, format: options.value('F') }, 2);
  const isStrict = options.has('s');
  if (isStrict && first.size !== second.size) {
    context.say('Strict mode: Image size mismatch!');
    return 1;
  }
  const progress = new Progress(context, options.has('p'));
  try {
    const comparison = new Comparison(first, second, isStrict, progress);
    const common = Math.min(first.size, second.size);
    let difference = comparison.inBoth(common);
    if (difference === null && first.size !== second.size) {
      context.say('Warning: Image size mismatch!');
      difference = comparison.rest(first.size > second.size ? first : second, common);
    }
    context.say(difference ?? 'Images are identical.');
    return difference === null ? 0 : 1;
  } finally {
    progress.end();
  }
}

class Comparison {
  readonly #first: Node;
  readonly #second: Node;
  readonly #isStrict: boolean;
  readonly #progress: Progress;
  readonly #total: number;
  readonly #buffers = [new Uint8Array(AT_ONCE), new Uint8Array(AT_ONCE)] as const;

  constructor(first: Node, second: Node, isStrict: boolean, progress: Progress) {
    this.#first = first;
    this.#second = second;
    this.#isStrict = isStrict;
    this.#progress = progress;
    this.#total = Math.max(first.size, second.size);
  }

  /** What differs first below `end`, or null. */
  inBoth(end: number): string | null {
    let pieces: [ChainStatus, ChainStatus] | null = null;
    let until = 0;
    for (let at = 0; at < end; ) {
      if (pieces === null || at >= until) {
        const one = statusInChain(this.#first, at, end - at);
        const two = statusInChain(this.#second, at, end - at);
        pieces = [one, two];
        until = at + Math.min(one.length, two.length);
      }
      const [one, two] = pieces;
      if (this.#isStrict && !sameStatus(one, two)) return `Strict mode: Offset ${at} block status mismatch!`;
      const bothZero = one.isZero && two.isZero;
      const length = bothZero ? until - at : Math.min(until - at, AT_ONCE);
      const found = bothZero ? -1 : this.#difference(one, two, at, length);
      if (found >= 0) return `Content mismatch at offset ${at + found}!`;
      at += length;
      this.#progress.at(at, this.#total);
    }
    return null;
  }

  /** What is not zero in `longer` from `start` on. */
  rest(longer: Node, start: number): string | null {
    for (let at = start; at < longer.size; ) {
      const piece = statusInChain(longer, at, longer.size - at);
      const length = piece.isZero ? piece.length : Math.min(piece.length, AT_ONCE);
      const found = piece.isZero ? -1 : firstDifference(this.#read(longer, 0, at, length), null);
      if (found >= 0) return `Content mismatch at offset ${at + found}!`;
      at += length;
      this.#progress.at(at, this.#total);
    }
    return null;
  }

  #difference(one: ChainStatus, two: ChainStatus, at: number, length: number): number {
    const first = one.isZero ? null : this.#read(this.#first, 0, at, length);
    const second = two.isZero ? null : this.#read(this.#second, 1, at, length);
    return first === null ? firstDifference(second!, null) : firstDifference(first, second);
  }

  #read(node: Node, buffer: 0 | 1, offset: number, length: number): Uint8Array {
    const bytes = this.#buffers[buffer].subarray(0, length);
    try {
      read(node, offset, bytes);
    } catch (error) {
      throw new ImgError(`Error while reading offset ${offset} of ${node.filename}: ${reasonOf(error)}`, 4);
    }
    return bytes;
  }
}

function sameStatus(one: ChainStatus, two: ChainStatus): boolean {
  return one.isZero === two.isZero && one.isData === two.isData && one.isAllocated === two.isAllocated;
}

/** Where the first sector begins that is not the same in both, or not zero without a second; -1 for none. */
function firstDifference(one: Uint8Array, two: Uint8Array | null): number {
  const a = wordsOf(one);
  const b = two === null ? null : wordsOf(two);
  for (let at = 0; at < a.length; at++) {
    if (a[at] !== (b === null ? 0 : b[at])) return Math.floor((at * 4) / SECTOR) * SECTOR;
  }
  return -1;
}

/** The buffers are aligned, and images are whole sectors long. */
function wordsOf(bytes: Uint8Array): Uint32Array {
  return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
}
