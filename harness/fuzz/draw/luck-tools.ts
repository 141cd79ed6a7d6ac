/** What image tools say, or do, by luck. */
import type { Action } from '../../case/case.js';
import { chainOf, imageOf } from '../moves/tools/images.js';
import type { ModelRun } from './model-run.js';

export function isLuckOfTools(run: ModelRun, action: Action): boolean {
  if (action.verb !== 'img') return false;
  const { words } = action;
  if (words[0] === 'compare') return comparesHoles(run, words);
  return words[0] === 'convert' && words.includes('-n') && copiesBelow(run, words);
}

/** Where the holes in files are is for file systems to choose; a strict comparison looks for them once the sizes are the same. */
function comparesHoles(run: ModelRun, words: readonly string[]): boolean {
  if (!words.includes('-s')) return false;
  const [one, other] = words.slice(-2).map((name) => imageOf(run, name));
  return one != null && other != null && one.size === other.size;
}

/**
 * A raw file that is copied to while it is read: QEMU has a lock on it, which the reference has on what it opens as an image of
 * its own only. What such a copy has in the end depends on what is read before what is written.
 */
function copiesBelow(run: ModelRun, words: readonly string[]): boolean {
  const names = words.slice(1).filter((word) => /^\$?img\d+$/.test(word));
  const target = imageOf(run, names.at(-1) ?? '');
  return (
    target?.format === 'raw' && names.slice(0, -1).some((name) => chainOf(run, name).includes(target.name))
  );
}
