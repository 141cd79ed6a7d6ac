/** A mistake that a block layer has made, as the reference would make it. */
import type { Undo } from './patch.js';

export interface Mistake {
  /** what is wrong, in a few words */
  readonly name: string;
  /** what part of a block layer it is in */
  readonly part: 'bitmaps' | 'persistence' | 'backup' | 'mirror' | 'graph' | 'exports' | 'tools';
  /** the fix of the like in QEMU */
  readonly like: string;
  plant(): Undo;
}
