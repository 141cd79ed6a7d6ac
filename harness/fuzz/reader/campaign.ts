/** Reads samples by the reference and, some of them, by another implementation, and finds where they are wrong or disagree. */
import { TargetFault } from '../../target/target.js';
import { agreedIds, type Difference, difference } from './compare.js';
import { TooLarge } from './counted.js';
import { ABOUT_MEANING, isolated } from './explain.js';
import type { Other } from './other.js';
import { reduced } from './reduce.js';
import { errorsOf, Mistake, Reference, type Verdict } from './reference.js';
import { Corpus } from './samples/corpus.js';
import { asSteps, type Sample } from './samples/sample.js';

export interface CampaignOptions {
  readonly seed: number;
  /** the first sample and the one after the last */
  readonly from: number;
  readonly to: number;
  /** every so many-th sample is also opened by the block driver, and repaired */
  readonly thoroughEvery: number;
  readonly other: Other | null;
  /** every so many-th sample is also read by it */
  readonly otherEvery: number;
  /** told of the sample that is read next */
  readonly at?: (index: number) => void;
  /** findings, after which it ends; default 5 */
  readonly most?: number;
}

export interface Found {
  readonly index: number;
  readonly kind: string;
  readonly text: string;
  /** the sample, made smaller, as the steps of a case */
  readonly steps: string;
}

export interface Result {
  readonly found: readonly Found[];
  readonly samples: number;
  /** of these, read by the other implementation */
  readonly compared: number;
  /** too large to be of use */
  readonly skipped: number;
  /** both refuse, with ids of two faults */
  readonly explained: number;
  /** how many samples ended so: `opens`, or the first id */
  readonly outcomes: { readonly [outcome: string]: number };
  /** the most that one sample made the reference do */
  readonly most: { readonly opens: number; readonly bytes: number };
}

/** Samples between two looks at the other implementation. */
const BLOCK = 64;

interface Waiting {
  readonly index: number;
  readonly sample: Sample;
  readonly verdict: Verdict;
}

export async function campaign(options: CampaignOptions): Promise<Result> {
  return new Campaign(options).run();
}

class Campaign {
  readonly #options: CampaignOptions;
  readonly #corpus = new Corpus();
  readonly #reference = new Reference();
  readonly #found: Found[] = [];
  readonly #outcomes: { [outcome: string]: number } = {};
  #waiting: Waiting[] = [];
  #compared = 0;
  #skipped = 0;
  #explained = 0;

  constructor(options: CampaignOptions) {
    this.#options = options;
  }

  async run(): Promise<Result> {
    const { from, to, most = 5 } = this.#options;
    let index = from;
    for (; index < to && this.#found.length < most; index++) {
      await this.#read(index);
      if (this.#waiting.length >= BLOCK) await this.#compare();
    }
    await this.#compare();
    return {
      found: this.#found,
      samples: index - from,
      compared: this.#compared,
      skipped: this.#skipped,
      explained: this.#explained,
      outcomes: this.#outcomes,
      most: this.#reference.most,
    };
  }

  async #read(index: number): Promise<void> {
    const { seed, thoroughEvery, other, otherEvery } = this.#options;
    this.#options.at?.(index);
    const sample = this.#corpus.sample(seed, index);
    try {
      const verdict = await this.#reference.verdict(sample, index % thoroughEvery === 0);
      const outcome = errorsOf(verdict)[0] ?? 'opens';
      this.#outcomes[outcome] = (this.#outcomes[outcome] ?? 0) + 1;
      if (other !== null && index % otherEvery === 0) this.#waiting.push({ index, sample, verdict });
    } catch (error) {
      if (error instanceof TooLarge) this.#skipped++;
      else if (error instanceof Mistake) await this.#mistake(index, sample, error);
      else throw error;
    }
  }

  async #mistake(index: number, sample: Sample, { kind, message }: Mistake): Promise<void> {
    const small = await reduced(sample, async (candidate) => {
      try {
        await this.#reference.verdict(candidate, true);
        return false;
      } catch (error) {
        return error instanceof Mistake && error.kind === kind;
      }
    });
    this.#found.push({ index, kind, text: message, steps: asSteps(small) });
  }

  async #compare(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    if (waiting.length === 0) return;
    const verdicts = await this.#readByOther(waiting);
    this.#compared += waiting.length;
    for (const [i, { index, sample, verdict }] of waiting.entries()) {
      const other = verdicts[i] ?? null;
      const found = other === null ? null : difference(verdict, other);
      if (found === null) continue;
      if (await this.#isExplained(sample, found, verdict, other!)) this.#explained++;
      else await this.#disagreement(index, sample, found);
    }
  }

  /** Where it dies or hangs, each sample by itself: null for those that it does so with. */
  async #readByOther(waiting: readonly Waiting[]): Promise<(Verdict | null)[]> {
    const other = this.#options.other!;
    try {
      return await other.verdicts(waiting.map(({ sample }) => sample));
    } catch (error) {
      if (!(error instanceof TargetFault)) throw error;
    }
    const verdicts: (Verdict | null)[] = [];
    for (const { index, sample } of waiting) {
      try {
        verdicts.push(...(await other.verdicts([sample])));
      } catch (error) {
        if (!(error instanceof TargetFault)) throw error;
        this.#found.push({ index, kind: error.kind, text: error.message, steps: asSteps(sample) });
        verdicts.push(null);
      }
    }
    return verdicts;
  }

  async #disagreement(index: number, sample: Sample, { kind, text }: Difference): Promise<void> {
    let last = text;
    const small = await reduced(sample, async (candidate) => {
      const again = await this.#difference(candidate, kind === 'error' ? text : null);
      if (again?.kind === kind) last = again.text;
      return again?.kind === kind;
    });
    this.#found.push({ index, kind, text: `the reference / the other: ${last}`, steps: asSteps(small) });
  }

  /** What is left of it without an explanation. @param only a difference of this text; null: any */
  async #difference(sample: Sample, only: string | null): Promise<Difference | null> {
    let verdict: Verdict;
    try {
      verdict = await this.#reference.verdict(sample, false);
    } catch {
      return null; // that would be another finding
    }
    const [other] = await this.#options.other!.verdicts([sample]);
    const found = difference(verdict, other!);
    // To look for an explanation takes long.
    if (found === null || (only !== null && found.text !== only)) return null;
    return (await this.#isExplained(sample, found, verdict, other!)) ? null : found;
  }

  /** Whether the sample has both faults, by the word of both. */
  async #isExplained(sample: Sample, { kind }: Difference, one: Verdict, two: Verdict): Promise<boolean> {
    const about = (verdict: Verdict): string[] => errorsOf(verdict).filter((id) => ABOUT_MEANING.has(id));
    const [own, others] = [about(one), about(two)];
    if (kind !== 'error' || own.length === 0 || others.length === 0) return false;
    const alone = isolated(sample);
    if (alone === null) return true;
    const verdicts = await this.#options.other!.verdicts(alone);
    const both = new Set<string>();
    for (const [i, candidate] of alone.entries()) {
      const named = errorsOf(verdicts[i]!);
      if (!named.some((id) => (own.includes(id) || others.includes(id)) && !both.has(id))) continue;
      const ids = errorsOf(await this.#reference.verdict(candidate, false));
      for (const id of agreedIds(ids, named)) both.add(id);
    }
    return own.some((id) => both.has(id)) && others.some((id) => both.has(id));
  }
}
