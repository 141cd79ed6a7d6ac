/** Which combinations of choices are looked at: all of them where they are few, else the telling ones and a sample. */
import type { Possible } from './crash-disk.js';
import { mix } from './recording-fingerprint.js';

/** For each choice, the version that is found. Good until the next one is asked for. */
export type Picks = Uint32Array;

/** How many combinations there are; infinite when a number cannot hold it. */
export function combinations(possible: Possible): number {
  return possible.choices.reduce((product, { versions }) => product * versions.length, 1);
}

export function* everyPick({ choices }: Possible): Generator<Picks> {
  const picks = new Uint32Array(choices.length);
  for (;;) {
    yield picks;
    let place = 0;
    while (place < choices.length && picks[place] === choices[place]!.versions.length - 1) picks[place++] = 0;
    if (place === choices.length) return;
    picks[place]! += 1;
  }
}

/**
 * Those a crash is likeliest to show a mistake by: nothing survived, everything did, each version of each choice alone,
 * everything but one choice, and everything up to some operation with nothing after it.
 */
export function* tellingPicks({ choices }: Possible): Generator<Picks> {
  const picks = new Uint32Array(choices.length);
  const newest = Uint32Array.from(choices, ({ versions }) => versions.length - 1);
  yield picks;
  picks.set(newest);
  yield picks;
  for (let place = 0; place < choices.length; place++) {
    for (let version = 1; version <= newest[place]!; version++) {
      picks.fill(0);
      picks[place] = version;
      yield picks;
      picks.set(newest);
      picks[place] = version - 1;
      yield picks;
    }
  }
  const operations = new Set(choices.flatMap(({ versions }) => versions.map(({ by }) => by)));
  for (const last of [...operations].sort((one, other) => one - other)) {
    choices.forEach(({ versions }, place) => {
      picks[place] = versions.findLastIndex(({ by }) => by <= last);
    });
    yield picks;
  }
}

/** `count` combinations, the same for the same seed. Each leans to the old or to the new, to a degree of its own. */
export function* sampledPicks({ choices }: Possible, count: number, seed: number): Generator<Picks> {
  const picks = new Uint32Array(choices.length);
  let draws = 0;
  const draw = (): number => (mix(mix(0x6a09e667, seed | 0), ++draws) >>> 0) / 2 ** 32;
  for (let done = 0; done < count; done++) {
    const [old, recent] = [draw(), draw()];
    choices.forEach(({ versions }, place) => {
      const newest = versions.length - 1;
      if (draw() < old) picks[place] = 0;
      else if (draw() < recent) picks[place] = newest;
      else picks[place] = Math.floor(draw() * versions.length);
    });
    yield picks;
  }
}
