/** How many steps it takes until a campaign of all properties finds a mistake in the reference. */
import type { Property } from '../property.js';
import { WORLD } from '../world.js';
import type { Mistake } from './mistake.js';
import { plantedTarget } from './target.js';

const LIMIT_MS = 20_000;

/** What it took. */
export interface Found {
  readonly property: string;
  /** played until then, of all histories */
  readonly steps: number;
  /** what noticed: an oracle, or how the target ended */
  readonly by: string;
}

/**
 * Plays histories of all properties in turn.
 *
 * @param attempt chooses the histories @param most how many histories at most
 * @returns null if it was not found
 */
export async function find(mistake: Mistake, attempt: number, most: number): Promise<Found | null> {
  const target = plantedTarget(mistake);
  const identity = await target.identify();
  const choice = { name: target.name, kind: target.kind, create: () => target };
  const prober = WORLD.prober(choice, { limitMs: LIMIT_MS, signal: new AbortController().signal });
  let steps = 0;
  try {
    for (let round = 0; round < most; round++) {
      const property: Property = WORLD.properties[round % WORLD.properties.length]!;
      const history = property.draw(attempt * 1_000_003 + round, identity);
      if (history === null) continue;
      const outcome = await prober.probe(history);
      if (outcome.kind === 'same' || outcome.kind === 'unplayable') {
        steps += history.steps.length;
        continue;
      }
      if (outcome.kind === 'surroundings') throw new Error(outcome.message);
      const by = outcome.kind === 'differs' ? outcome.oracle : outcome.kind;
      return { property: property.name, steps: steps + outcome.step + 1, by };
    }
    return null;
  } finally {
    await prober.close();
  }
}
