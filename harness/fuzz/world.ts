/** Every property there is, and how its histories are played. */
import { createProber } from './play/prober.js';
import { bitmap } from './properties/bitmap.js';
import type { World } from './property.js';

export const WORLD: World = {
  properties: [bitmap],
  prober: ({ create }, options) => createProber(create, options),
};
