/** Which history a round plays: a new one, or a change of one that reached something new; and around what is known. */
import type { Identity } from '../../target/target.js';
import type { History } from '../history.js';
import type { Property, Reached, World } from '../property.js';
import type { Corpus } from './corpus/corpus.js';
import { mutated } from './mutate.js';
import type { Work } from './plan.js';
import { losesNothing, makesSense } from './sense.js';

/** Steps that are left out of one history to go around what is known. */
const MOST_DETOURS = 6;

/** The history of a round. */
export interface Drawn {
  readonly history: History;
  readonly reached: Reached;
  /** of the corpus */
  readonly parent: string | undefined;
  readonly isSteered: boolean;
}

/** Of a worker. */
export class Histories {
  readonly #world: World;
  readonly #identity: Identity;
  readonly #firstKnown: (history: History) => number | null;
  readonly #corpus: Corpus;

  /** @param firstKnown the first step at which something that is known would show; null: none */
  constructor(
    world: World,
    identity: Identity,
    corpus: Corpus,
    firstKnown: (history: History) => number | null,
  ) {
    this.#world = world;
    this.#identity = identity;
    this.#corpus = corpus;
    this.#firstKnown = firstKnown;
  }

  /** null: the property has nothing for this target. */
  draw(work: Work): Drawn | null {
    const property = this.#world.properties.find(({ name }) => name === work.property)!;
    const drawn = (work.isMutation ? this.#mutate(property, work) : null) ?? this.#fresh(property, work);
    if (drawn === null || !work.isSteered) return drawn;
    return this.#steer(property, drawn);
  }

  #fresh(property: Property, { seed }: Work): Drawn | null {
    const history = property.draw(seed, this.#identity);
    if (history === null || (history.format !== 'raw' && !losesNothing(history.steps))) return null;
    const reached = property.reach(history);
    return reached === null ? null : { history, reached, parent: undefined, isSteered: false };
  }

  #mutate(property: Property, { seed }: Work): Drawn | null {
    const picked = this.#corpus.pick(property.name, seed);
    const other = this.#corpus.pick(property.name, Math.floor(seed / 7))?.history;
    if (picked === null || other === undefined) return null;
    const { id, history: parent } = picked;
    const own = property.mutate;
    const history =
      own !== undefined && seed % 2 === 0
        ? own.call(property, parent, seed, this.#identity)
        : mutated(parent, { ...other, steps: other.format === parent.format ? other.steps : [] }, seed);
    const repaired = this.#repaired(property, history);
    return repaired === null ? null : { ...repaired, parent: id, isSteered: false };
  }

  /** Leaves out the steps that would only show again what is known. */
  #steer(property: Property, drawn: Drawn): Drawn | null {
    let { steps } = drawn.history;
    for (let detours = 0; detours < MOST_DETOURS; detours++) {
      const at = this.#firstKnown({ ...drawn.history, steps });
      if (at === null) break;
      steps = steps.toSpliced(at, 1);
    }
    if (steps === drawn.history.steps) return drawn;
    const repaired = this.#repaired(property, { ...drawn.history, steps });
    return repaired === null ? drawn : { ...drawn, ...repaired, isSteered: true };
  }

  /** A history that was changed, with what its change makes necessary; null if it cannot be played any more. */
  #repaired(property: Property, changed: History): Pick<Drawn, 'history' | 'reached'> | null {
    if (changed.steps.length === 0) return null;
    const history = property.repaired === undefined ? changed : property.repaired(changed, this.#identity);
    if (history === null || history.steps.length === 0 || !makesSense(history)) return null;
    const reached = property.reach(history);
    return reached === null ? null : { history, reached };
  }
}
