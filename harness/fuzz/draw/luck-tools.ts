/** What image tools say, or do, by luck. */
import type { Action } from '../../case/case.js';
import { imageOf } from '../moves/tools/images.js';
import { commandLine } from '../moves/tools/words.js';
import type { ModelRun } from './model-run.js';

export function isLuckOfTools(run: ModelRun, action: Action): boolean {
  if (run.copied.isChangedBy(run, action)) return true;
  if (action.verb !== 'img') return false;
  const { words } = action;
  if (words[0] === 'compare') return comparesHoles(run, words);
  return growsPastBacking(run, words) || copiesPastBacking(run, words);
}

/**
 * A copy over an image that shows something where that below the source has ended: `-B` is for one that shows the same, and whether
 * the zeros there belong to the source or to what is below depends on how far the tool looks at once.
 */
function copiesPastBacking(run: ModelRun, words: readonly string[]): boolean {
  const { command, options, names } = commandLine(words);
  const below = options.get('-B');
  if (command !== 'convert' || below === undefined) return false;
  const sizeOf = (name: string): number => imageOf(run, name)?.size ?? 0;
  return names.slice(0, -1).some((source) => {
    const backing = imageOf(run, source)?.backing ?? null;
    return backing !== null && backing !== below && sizeOf(backing) < Math.min(sizeOf(source), sizeOf(below));
  });
}

/**
 * An image grows from before the end of its backing file to behind it: the zeros that hide what is there are written as far as there
 * is something to hide, or up to the new end. A later commit copies them, and bitmaps tell of that.
 */
function growsPastBacking(run: ModelRun, words: readonly string[]): boolean {
  const { command, options, names } = commandLine(words);
  const [first = '', last = ''] = [names[0], names.at(-1)];
  const sizeOf = (name: string): number => imageOf(run, name)?.size ?? 0;
  let grown = first;
  let size = 0;
  if (command === 'resize') size = last.startsWith('+') ? sizeOf(first) + Number(last) : Number(last);
  else if (command === 'commit') {
    grown = options.get('-b') ?? imageOf(run, last)?.backing ?? '';
    size = sizeOf(last);
  }
  const backing = size === 0 ? null : imageOf(run, grown)?.backing;
  return backing != null && sizeOf(grown) < sizeOf(backing) && sizeOf(backing) < size;
}

/** Where the holes in files are is for file systems to choose; a strict comparison looks for them once the sizes are the same. */
function comparesHoles(run: ModelRun, words: readonly string[]): boolean {
  if (!words.includes('-s')) return false;
  const [one, other] = words.slice(-2).map((name) => imageOf(run, name));
  return one != null && other != null && one.size === other.size;
}
