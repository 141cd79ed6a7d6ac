/** `rebase`: another backing file. Safely, the image reads as before; with -u only the name is changed. IMG-007, IMG-008 */

import { prepareRebase } from '../../../block/chain/rebase.js';
import { CopyError } from '../../../block/copy/copy.js';
import type { Node } from '../../../block/node.js';
import { flush } from '../../../block/request.js';
import { jsonObject } from '../../../json/value.js';
import { faultOfReference } from '../../../qbm/reference.js';
import { OpenImageError } from '../../open-error.js';
import { namedOptions, openImage } from '../../open-image.js';
import { usage } from '../arguments.js';
import { isSameFile } from '../chain.js';
import { type Options, oneFile, optionsOf, readingFlags } from '../common.js';
import { type Context, checkCache, ImgError, reasonOf, writing } from '../context.js';
import { FORMATS } from '../help.js';
import { Progress } from '../progress.js';
import { storedName, warnOfTrust } from './create.js';

const SPEC = { short: 'hf:F:b:upt:T:qU', long: ['help=h', 'object:', 'image-opts', 'force-share=U'] };

export function rebase(context: Context, argv: readonly string[]): number {
  const options = optionsOf(argv, SPEC);
  context.isQuiet = options.has('q');
  const name = oneFile(options);
  const isUnsafe = options.has('u');
  const backing = options.value('b');
  if (!isUnsafe && backing === undefined)
    throw usage('Must specify backing file (-b) or use unsafe mode (-u)');
  for (const mode of options.all('t')) checkCache(mode);
  for (const mode of options.all('T')) checkCache(mode, 'source cache');
  const format = options.value('F');
  const progress = new Progress(context, options.has('p'));
  try {
    const top = openTop(context, name, options);
    if (format !== undefined && !FORMATS.includes(format))
      throw new ImgError(`Invalid format name: '${format}'`);
    const isNone = backing === undefined || backing === '';
    if (!isUnsafe) {
      const { trusted } = namedOptions(context.machine, name, readingFlags(options));
      const wanted = { file: backing!, format, trusted: trusted === true || trusted === 'on' };
      prepare(top, isNone ? null : openNext(context, top, wanted), progress);
    }
    try {
      change(context, top, isNone ? null : backing, format);
    } finally {
      progress.at(1, 1);
    }
    context.close(top);
  } finally {
    progress.end();
  }
  return 0;
}

function openTop(context: Context, name: string, options: Options): Node {
  const flags = { ...readingFlags(options), forceShare: false, write: true };
  return context.open(name, {
    ...flags,
    noBacking: options.has('u'),
    options: writing(options.value('t')),
  });
}

/** The new backing file: a node of the chain if it is one, else opened anew. */
function openNext(
  context: Context,
  top: Node,
  {
    file,
    format,
    trusted,
  }: { readonly file: string; readonly format: string | undefined; readonly trusted: boolean },
): Node {
  const { storage } = context.world;
  const path = storage.resolve(top.filename, file);
  for (let node = top.backing; node !== null; node = node.backing) {
    if (!node.filename.startsWith('json:') && isSameFile(storage, node.filename, path)) return node;
  }
  try {
    const isQbm = format === 'qbm';
    return openImage(context.machine, path, {
      format,
      options: isQbm ? jsonObject({ trusted }) : jsonObject(),
    });
  } catch (error) {
    if (!(error instanceof OpenImageError)) throw error;
    throw new ImgError(`Could not open new backing file '${file}': ${error.message}`);
  }
}

function prepare(top: Node, next: Node | null, progress: Progress): void {
  try {
    for (const done of prepareRebase(top, next)) progress.at(done, top.size);
  } catch (error) {
    if (!(error instanceof CopyError)) throw error;
    const reason = reasonOf(error.cause);
    const text =
      error.side === 'writing'
        ? 'Error while writing to COW image'
        : 'error while reading from old backing file';
    throw new ImgError(
      `${text}: ${reason}\nNothing is lost: the image reads as before, from its old backing file.`,
    );
  }
}

function change(context: Context, top: Node, backing: string | null, format: string | undefined): void {
  const refused = (reason: string): ImgError =>
    new ImgError(`Could not change the backing file to '${backing ?? ''}': ${reason}`);
  if (backing !== null && format === undefined) throw refused('backing format must be specified');
  const { backing: keeper } = top.driver;
  if (keeper === undefined) throw refused('Operation not supported');
  // What the image has of its own is on disk before.
  flush(top);
  if (backing === null) {
    keeper.change('', '');
    return;
  }
  if (format !== 'raw' && format !== 'qbm')
    throw refused(`a qbm image cannot have a backing file of the format ${format}`);
  const stored = storedName(context.world.storage, top.filename, backing);
  const fault = faultOfReference(stored, 'local');
  if (fault !== null) throw refused(fault.problem);
  keeper.change(stored, format);
  warnOfTrust(context, top.filename, stored);
}
