/** Where samples come from: the vectors of cases/format and generated images, with changes. */
import { join } from 'node:path';
import { bytesOf } from '../../../case/content.js';
import { loadSuite } from '../../../case/load/load.js';
import { packageRoot } from '../../../cli/environment.js';
import { generated } from './generate.js';
import { mutated } from './mutate.js';
import { Random } from './random.js';
import { type Content, type Sample, weightOf } from './sample.js';

/** A vector that is larger than this, in bytes or files, is taken now and then only. */
const LIGHT = { bytes: 20_000, files: 20 };

/** What the cases of the area `format` look at, each time with the files that are there by then. */
export function vectors(): Sample[] {
  const found: Sample[] = [];
  for (const { area, steps } of loadSuite(join(packageRoot(), 'cases')).cases) {
    if (area !== 'format') continue;
    const files = new Map<string, Content>();
    for (const step of steps) {
      const action = step.action.verb === 'either' ? step.action.action : step.action;
      if (action.verb === 'file') files.set(action.file, bytesOf(action.content));
      if (action.verb !== 'descriptor' && action.verb !== 'check') continue;
      found.push({ files: new Map(files), open: action.file, trust: action.trust });
    }
  }
  return found;
}

export class Corpus {
  readonly #light: readonly Sample[];
  readonly #heavy: readonly Sample[];

  constructor(all: readonly Sample[] = vectors()) {
    const isLight = (sample: Sample): boolean =>
      weightOf(sample) <= LIGHT.bytes && sample.files.size <= LIGHT.files;
    this.#light = all.filter(isLight);
    this.#heavy = all.filter((sample) => !isLight(sample));
  }

  get size(): number {
    return this.#light.length + this.#heavy.length;
  }

  /** The sample of that number: always the same. */
  sample(seed: number, index: number): Sample {
    const random = new Random(seed, index);
    let sample = this.#base(random);
    const changes = random.pick([1, 1, 1, 1, 1, 2, 2, 3, 4, 0]);
    for (let i = 0; i < changes; i++) sample = mutated(sample, random, this.#base(random));
    return sample;
  }

  #base(random: Random): Sample {
    if (random.oneIn(500)) return random.pick(this.#heavy);
    return random.oneIn(2) ? random.pick(this.#light) : generated(random);
  }
}
