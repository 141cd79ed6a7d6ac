/** Mistakes like those that shipped block layers have made, each as small as it can be. */
import type { Mistake } from './mistake.js';
import { BACKUP } from './mistakes/backup.js';
import { BITMAPS } from './mistakes/bitmaps.js';
import { EXPORTS } from './mistakes/exports.js';
import { GRAPH } from './mistakes/graph.js';
import { MIRROR } from './mistakes/mirror.js';
import { PERSISTENCE } from './mistakes/persistence.js';
import { TOOL_MISTAKES } from './mistakes/tools.js';

export const MISTAKES: readonly Mistake[] = [
  ...BITMAPS,
  ...PERSISTENCE,
  ...BACKUP,
  ...MIRROR,
  ...GRAPH,
  ...EXPORTS,
  ...TOOL_MISTAKES,
];
