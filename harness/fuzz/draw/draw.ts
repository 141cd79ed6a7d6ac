/** Random choices that follow from a seed alone. fast-check makes them, so that what uses them is an arbitrary, too. */
import fc from 'fast-check';

export class Draw {
  readonly #random: fc.Random;

  constructor(random: fc.Random) {
    this.#random = random;
  }

  /** An integer, both ends included. */
  int(min: number, max: number): number {
    return this.#random.nextInt(min, max);
  }

  chance(probability: number): boolean {
    return this.#random.nextDouble() < probability;
  }

  /** @throws RangeError when there is nothing to choose from */
  pick<T>(from: readonly T[]): T {
    if (from.length === 0) throw new RangeError('nothing to pick from');
    return from[this.#random.nextInt(0, from.length - 1)]!;
  }

  /** One of them, or undefined if there is none. */
  any<T>(from: readonly T[]): T | undefined {
    return from.length === 0 ? undefined : this.pick(from);
  }

  /** The index of one of these weights, each as likely as it is heavy; -1 if all are 0. */
  weighted(weights: readonly number[]): number {
    let sum = 0;
    for (const weight of weights) sum += weight;
    let left = this.#random.nextDouble() * sum;
    for (let index = 0; index < weights.length; index++) {
      const weight = weights[index]!;
      left -= weight;
      if (weight > 0 && left < 0) return index;
    }
    return weights.findLastIndex((weight) => weight > 0);
  }
}

class Drawn<T> extends fc.Arbitrary<T> {
  readonly #make: (draw: Draw) => T;

  constructor(make: (draw: Draw) => T) {
    super();
    this.#make = make;
  }

  generate(random: fc.Random): fc.Value<T> {
    return new fc.Value(this.#make(new Draw(random)), undefined);
  }

  canShrinkWithoutContext(value: unknown): value is T {
    return value === undefined && false;
  }

  shrink(): fc.Stream<fc.Value<T>> {
    return fc.Stream.nil();
  }
}

/** What `make` makes of the choices of this seed, an integer from 0 to 2^32-1. */
export function drawFrom<T>(seed: number, make: (draw: Draw) => T): T {
  return fc.sample(new Drawn(make), { seed: seed | 0, numRuns: 1 })[0]!;
}
