/** `commit`: what an image has goes down into its backing file, or into one further below. IMG-003, IMG-004, IMG-005 */
import { canBeEmptied, commit as commitNode, makeEmpty } from '../../../block/chain/commit.js';
import { CannotGrow } from '../../../block/chain/grow.js';
import { CopyError } from '../../../block/copy/copy.js';
import type { OpenFlags } from '../../open-image.js';
import { isSameFile, type Layer, layersOf, openWithBase } from '../chain.js';
import { type Options, oneFile, optionsOf, readingFlags, sizeArgument } from '../common.js';
import { type Context, checkCache, ImgError, reasonOf } from '../context.js';
import { Progress } from '../progress.js';

const SPEC = { short: 'f:ht:b:dpqr:', long: ['help=h', 'object:', 'image-opts'] };

export function commit(context: Context, argv: readonly string[]): number {
  const options = optionsOf(argv, SPEC);
  context.isQuiet = options.has('q');
  const cache = options.value('t');
  if (cache !== undefined) checkCache(cache);
  // It is as fast as it can be.
  for (const text of options.all('r')) sizeArgument(text, 'rate limit');
  const name = oneFile(options);
  const { format, isOptions } = readingFlags(options);
  const flags: OpenFlags = { format, isOptions };
  const layers = layersOf(context, name, flags);
  const progress = new Progress(context, options.has('p'));
  try {
    commitLayers(context, options, { name, flags, layers, progress });
  } finally {
    progress.end();
  }
  context.say('Image committed.');
  return 0;
}

interface Plan {
  readonly name: string;
  readonly flags: OpenFlags;
  readonly layers: readonly Layer[];
  readonly progress: Progress;
}

function commitLayers(context: Context, options: Options, { name, flags, layers, progress }: Plan): void {
  const wanted = options.value('b');
  const depth = wanted === undefined ? 1 : depthOf(context, layers, wanted);
  if (depth < 1 || (depth === 1 && layers.length < 2)) {
    // Whoever is in the way of writing the image is named before that; that its format is a guess was said.
    context.close(context.open(name, { ...flags, write: true, warn: () => {} }));
    throw new ImgError(
      wanted === undefined
        ? 'Image does not have a backing file'
        : `Did not find '${wanted}' in the backing chain of '${name}'`,
    );
  }
  const { top, base } = openWithBase(context, name, flags, { layers, depth, cache: options.value('t') });
  // Layers between the image and the base have become untrue by themselves: the image goes on standing for itself.
  const empties = wanted === undefined && !options.has('d') && canBeEmptied(top);
  try {
    for (const done of commitNode(top, base)) progress.at(done, top.size);
    if (empties) makeEmpty(top);
    context.close(top);
    progress.at(1, 1);
  } catch (error) {
    const reason = reasonOf(error instanceof CopyError ? error.cause : error);
    const left = error instanceof CannotGrow ? `cannot grow: ${error.reason}` : 'has a part of its content.';
    throw new ImgError(
      `Block job failed: ${reason}\nNothing is lost: '${name}' reads as before. '${layers[depth]!.filename}' ${left}`,
    );
  }
}

/** 1: the backing file; 2: the one below it; …; −1: there is none of that name. */
function depthOf({ world: { storage } }: Context, layers: readonly Layer[], wanted: string): number {
  const sought = [wanted, storage.resolve(layers[0]!.filename, wanted)];
  return layers.findIndex(
    ({ filename }, at) =>
      at > 0 &&
      (layers[at - 1]!.backing === wanted ||
        (!filename.startsWith('json:') && sought.some((file) => isSameFile(storage, file, filename)))),
  );
}
