/** What image tools are known for. */
import type { Action } from '../../case/case.js';
import { CLUSTER } from '../draw/edges.js';
import type { ModelRun } from '../draw/model-run.js';
import { imageOf, isLoop } from '../moves/tools/images.js';
import type { Trigger } from './trigger.js';

const QEMU = /^qemu-/;
const QEMU_10 = /^qemu-\S+ 10\./;

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

export const TOOL_TRIGGERS: readonly Trigger[] = [
  {
    name: 'tool on an image that is below itself',
    shownBy: 'image-below-itself',
    programs: QEMU,
    before: (run, action) => wordsOf(action).some((word) => isLoop(run, word)),
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
  {
    name: 'what 10.0 tells of maps besides',
    shownBy: 'map-of-a-chain',
    programs: QEMU_10,
    before: (_, action) => action.verb === 'img' && action.words.includes('--output=json'),
  },
];
