/** The layers of an image, and how the chain is opened again with one of them writable. */
import { QbmDriver } from '../../block/drivers/qbm.js';
import type { Node } from '../../block/node.js';
import { type JsonObject, jsonObject } from '../../json/value.js';
import { QbmError } from '../../qbm/errors.js';
import { DescriptorFile } from '../../qbm/update.js';
import { type Storage, StorageError } from '../../storage/storage.js';
import { namedOptions, type OpenFlags } from '../open-image.js';
import { locked } from './commands/create.js';
import { type Context, ImgError, writing } from './context.js';

export interface Layer {
  readonly filename: string;
  /** what makes the node of this layer, without what is below it */
  readonly options: JsonObject;
  /** the backing file as the image names it, if it names one */
  readonly backing: string | null;
}

/** Whether two names lead to one file; a name that leads nowhere leads to none. */
export function isSameFile(storage: Storage, one: string, other: string): boolean {
  try {
    return storage.identity(one) === storage.identity(other);
  } catch (error) {
    if (error instanceof StorageError) return false;
    throw error;
  }
}

/** From the image down. It is opened for reading, and closed again. @throws ImgError */
export function layersOf(context: Context, name: string, flags: OpenFlags): Layer[] {
  const layers: Layer[] = [];
  const top = context.open(name, { ...flags, isForWriting: true });
  for (let node: Node | null = top; node !== null; node = node.backing) {
    layers.push({ filename: node.filename, options: node.driver.describe(), backing: backingName(node) });
  }
  context.close(top);
  return layers;
}

function backingName({ driver }: Node): string | null {
  if (!(driver instanceof QbmDriver) || driver.descriptor === null) return null;
  return driver.descriptor.bitmaps.find(({ backing }) => backing !== null)?.backing?.file ?? null;
}

/**
 * The image opened for writing, and the layer at `depth` below it, too, which a backing file is not otherwise.
 * @param layers as {@link layersOf} found them
 * @throws ImgError, also when the chain is another one by now
 */
export function openWithBase(
  context: Context,
  name: string,
  flags: OpenFlags,
  {
    layers,
    depth,
    cache,
  }: { readonly layers: readonly Layer[]; readonly depth: number; readonly cache: string | undefined },
): { readonly top: Node; readonly base: Node } {
  const options = namedOptions(context.machine, name, flags);
  const trusted = options.trusted === undefined ? {} : { trusted: options.trusted };
  let below = jsonObject();
  for (let at = depth; at > 0; at--) {
    const own = at === depth ? { 'read-only': false, ...writing(cache) } : { 'read-only': true };
    const isQbm = layers[at]!.options.driver === 'qbm';
    const backing = at === depth ? {} : { backing: below };
    below = jsonObject({ ...layers[at]!.options, ...(isQbm ? trusted : {}), ...own, ...backing });
  }
  const top = openTop(context, name, layers[depth]!, {
    ...flags,
    write: true,
    options: jsonObject({ ...writing(cache), backing: below }),
  });
  let base = top;
  for (let at = 0; at < depth; at++) {
    if (backingName(base) !== layers[at]!.backing)
      throw new ImgError(`'${name}': the chain of backing files was changed by somebody else meanwhile`);
    base = base.backing!;
  }
  return { top, base };
}

/** A base that somebody uses is what is said to be in use, unless the image is, too. IMG-016 @throws ImgError */
function openTop(context: Context, name: string, base: Layer, flags: OpenFlags): Node {
  const { storage } = context.world;
  try {
    return context.open(name, flags);
  } catch (error) {
    if (error instanceof ImgError && isHeld(storage, base.filename) && !isHeld(storage, name))
      throw locked(base.filename);
    throw error;
  }
}

/** Whether somebody has a QBM image open. */
function isHeld(storage: Storage, descriptor: string): boolean {
  try {
    DescriptorFile.open(storage, descriptor, 'exclusive').close();
    return false;
  } catch (error) {
    if (!(error instanceof QbmError)) throw error;
    return error.id === 'QBM-E-LOCKED';
  }
}
