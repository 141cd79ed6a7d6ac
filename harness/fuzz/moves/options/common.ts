/** Options that a node of any driver may have. */
import type { Json, JsonObject } from '../../../../spec/json/value.js';
import { members, type Sketch } from '../../draw/sketch.js';

export type Options = { readonly [name: string]: Json | undefined };

/** How often a node has one of these: most change nothing but what is said of it. */
const RARELY = 0.1;

/** Of a node that is opened. */
export function drawCommon(sketch: Sketch): Options {
  const { draw } = sketch;
  const readOnly = draw.chance(0.12) ? true : draw.chance(RARELY) ? false : undefined;
  const detects = draw.chance(0.15) ? draw.pick(['off', 'on', 'on', 'unmap']) : undefined;
  // What is unmapped has to be passed on; now and then it is not.
  const isPassed = detects === 'unmap' && draw.chance(0.9);
  return {
    'read-only': readOnly,
    'auto-read-only': draw.chance(RARELY) ? draw.pick([true, false]) : undefined,
    // Refused of what can be written.
    'force-share': draw.chance(readOnly === true ? 0.2 : 0.01) ? draw.pick([true, false]) : undefined,
    'detect-zeroes': detects,
    discard: isPassed ? 'unmap' : draw.pick([undefined, 'unmap', 'unmap', 'ignore']),
    cache: drawCache(sketch),
  };
}

/** Whether requests go past the cache of the host is for files, which are not given such options: not every file system can do it. */
function drawCache({ draw }: Sketch): JsonObject | undefined {
  if (!draw.chance(RARELY)) return undefined;
  // A group of nothing is an option that nobody knows.
  if (draw.chance(0.05)) return members({});
  return members({ direct: draw.pick([undefined, true, false]), 'no-flush': draw.pick([true, false]) });
}
