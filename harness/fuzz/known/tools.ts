/** What image tools are known for. */
import type { Action } from '../../case/case.js';
import { CLUSTER } from '../draw/edges.js';
import type { ModelRun } from '../draw/model-run.js';
import { imageOf, isLoop } from '../moves/tools/images.js';
import { commandLine } from '../moves/tools/words.js';
import { QEMU, QEMU_10 } from './programs.js';
import type { Trigger } from './trigger.js';

/** The words of a tool, with the image that it is to open. */
export function wordsOf(action: Action): readonly string[] {
  if (action.verb === 'img') return action.words;
  return action.verb === 'image-io' && action.image !== null ? [action.image] : [];
}

/** The size that a tool is to give an image, bytes, and the one it has. */
function sizesOf(run: ModelRun, action: Action): { readonly before: number; readonly after: number } | null {
  if (action.verb !== 'img' || action.words[0] !== 'resize') return null;
  const [name, size] = action.words.slice(-2) as [string, string];
  const image = imageOf(run, name);
  if (image === null || image.format === 'raw') return null;
  const before = image.size;
  return { before, after: /^[+-]/.test(size) ? before + Number(size) : Number(size) };
}

/** Whether a tool adds bitmaps to an image, or copies them into one. */
function mayStoreBitmaps(action: Action): boolean {
  return action.verb === 'img' && (action.words[0] === 'bitmap' || action.words.includes('--bitmaps'));
}

function isEmpty(run: ModelRun, name: string): boolean {
  return /^(img\d+|\w+\.img)$/.test(name) && imageOf(run, name)?.size === 0;
}

/** Whether a copy is to have a backing file that is not there, or is what it is made in the place of. */
function isOverNothing(run: ModelRun, words: readonly string[]): boolean {
  const { command, options, names } = commandLine(words);
  const below = options.get('-B');
  if (command !== 'convert' || below === undefined) return false;
  return imageOf(run, below) === null || below === names.at(-1);
}

/** Whether a rebase that may copy is of an image with bitmaps that tell a part of a cluster from the rest. */
function copiesBesideBitmaps(run: ModelRun, words: readonly string[]): boolean {
  const { command, names } = commandLine(words);
  if (command !== 'rebase' || words.includes('-u')) return false;
  const image = imageOf(run, names.at(-1) ?? '');
  return image?.bitmaps.some(({ granularity }) => granularity < CLUSTER) === true;
}

export const TOOL_TRIGGERS: readonly Trigger[] = [
  {
    name: 'tool on an image that is below itself',
    shownBy: 'image-below-itself',
    programs: QEMU,
    before: (run, action) => wordsOf(action).some((word) => isLoop(run, word)),
  },
  {
    name: 'overlay in the place of its own backing file',
    shownBy: 'create-over-its-own-backing-file',
    programs: QEMU,
    before: (_, action) => {
      const words = wordsOf(action);
      const below = words[words.indexOf('-b') + 1];
      return words[0] === 'create' && words.includes('-b') && words.includes(`$${below}`);
    },
  },
  {
    name: 'copy over a backing file that cannot be below it',
    shownBy: 'convert-over-a-missing-backing-file',
    programs: QEMU,
    before: (run, action) => action.verb === 'img' && isOverNothing(run, action.words),
  },
  {
    name: 'rebase of an image with bitmaps that are finer than its clusters',
    shownBy: 'rebase-and-bitmaps',
    programs: QEMU_10,
    before: (run, action) => action.verb === 'img' && copiesBesideBitmaps(run, action.words),
  },
  {
    name: 'bitmap of an image without bytes',
    shownBy: 'bitmap-of-an-empty-image',
    programs: QEMU,
    before: (run, action) => mayStoreBitmaps(action) && wordsOf(action).some((word) => isEmpty(run, word)),
  },
  {
    name: 'shrinking within a cluster by a tool',
    shownBy: 'resize-data',
    programs: QEMU,
    before: (run, action) => {
      const sizes = sizesOf(run, action);
      return sizes !== null && sizes.after < sizes.before && sizes.after % CLUSTER !== 0;
    },
  },
];
