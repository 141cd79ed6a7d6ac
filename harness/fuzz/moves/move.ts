/** One thing that a history may do next, chosen by the state of the model. */
import type { Sketch } from '../draw/sketch.js';

export interface Move {
  readonly name: string;
  /** how often, beside the others */
  readonly weight: number;
  /** plays its steps, or none where there is nothing to do it with */
  make(sketch: Sketch): void;
}
