/** From a plan, which says what histories of a property consist of, to the property. */
import type { Action, Format, Step } from '../../case/case.js';
import { allRequirements } from '../../case/requires.js';
import type { Identity } from '../../target/target.js';
import { playAgain } from '../draw/again.js';
import { type Draw, drawFrom } from '../draw/draw.js';
import { isLuck, isLuckyRefusal } from '../draw/luck.js';
import { ModelRun } from '../draw/model-run.js';
import { Sketch } from '../draw/sketch.js';
import type { History } from '../history.js';
import { KNOWN } from '../known/known.js';
import { triggersOf, UNSTEERED } from '../known/trigger.js';
import type { Move } from '../moves/move.js';
import type { Property, Reached } from '../property.js';
import { type Goal, Reach } from '../reach/reach.js';

export interface Plan {
  readonly name: string;
  readonly summary: string;
  readonly rules: readonly string[];
  readonly goals: readonly Goal[];
  readonly formats: readonly Format[];
  /** capabilities beside those that the steps imply */
  readonly requires?: readonly string[];
  /** capabilities without which there is nothing to see; a history need not use them */
  readonly about?: readonly string[];
  /** how many moves, at least and at most */
  readonly length: readonly [least: number, most: number];
  readonly moves: readonly Move[];
  /** steps that are left out whatever the target is: what they show is luck */
  shun?(run: ModelRun, action: Action): boolean;
  /** the first steps */
  begin(sketch: Sketch): void;
  /** the last ones: what is looked at at the end */
  end(sketch: Sketch): void;
}

/** How weights are changed for one history: some moves are left out, others preferred. */
const FACTORS = [0, 0.3, 1, 1, 3] as const;

export function propertyOf(plan: Plan): Property {
  const { name, summary, rules } = plan;
  const goals = plan.goals.map((goal) => goal.name);
  /** what was reached while a history was made up need not be found out again */
  const reached = new WeakMap<History, Reach>();
  return {
    name,
    summary,
    rules,
    goals,
    requires: plan.requires ?? [],
    draw(seed, target) {
      const needed = [...(plan.requires ?? []), ...(plan.about ?? [])];
      if (needed.some((one) => !isThere(one, target))) return null;
      const sketch = drawFrom(seed, (draw) => sketchOf(plan, draw, seed, target));
      if (sketch === null) return null;
      const history = historyOf(plan, sketch.format, sketch.steps);
      reached.set(history, sketch.reach);
      return history;
    },
    repaired(changed, target) {
      const sketch = drawFrom(0, (draw) => sketchAgain(plan, draw, changed));
      const history = historyOf(plan, sketch.format, sketch.steps);
      if (history.requires.some((needed) => !isThere(needed, target))) return null;
      reached.set(history, sketch.reach);
      return history;
    },
    reach(history) {
      const reach = reached.get(history) ?? reachOf(plan, history);
      return reach === null ? null : told(reach);
    },
  };
}

/** What is implied for {@link Identity.capabilities}: what an unknown target can do it says itself. */
function isThere(needed: string, { capabilities }: Identity): boolean {
  return capabilities.has(needed);
}

function sketchOf(plan: Plan, draw: Draw, seed: number, target: Identity): Sketch | null {
  const formats = plan.formats.filter((format) => target.formats.has(format));
  const format = draw.any(formats);
  if (format === undefined) return null;
  const known = seed % UNSTEERED === 0 ? [] : triggersOf(KNOWN, target);
  const sketch = new Sketch(draw, { format, known, goals: plan.goals, capabilities: target.capabilities });
  sketch.shun = plan.shun ?? null;
  return upToFault(sketch, () => {
    plan.begin(sketch);
    const weights = plan.moves.map(({ weight }) => weight * draw.pick(FACTORS));
    // Where chance has left out everything, nothing is left out.
    const chosen = weights.some((weight) => weight > 0) ? weights : plan.moves.map(({ weight }) => weight);
    const [least, most] = plan.length;
    for (let left = draw.int(least, most); left > 0; left--) {
      plan.moves[draw.weighted(chosen)]!.make(sketch);
    }
    plan.end(sketch);
  });
}

/** What the model throws at is a history, too: whoever plays it finds that. */
function upToFault(sketch: Sketch, make: () => void): Sketch {
  try {
    make();
  } catch (error) {
    if (sketch.fault !== error) throw error;
  }
  return sketch;
}

/** Chooses nothing: what there is to choose has been chosen. */
function sketchAgain(plan: Plan, draw: Draw, { format, steps }: History): Sketch {
  const sketch = new Sketch(draw, { format, known: [], goals: plan.goals, capabilities: null });
  sketch.shun = plan.shun ?? null;
  return upToFault(sketch, () => playAgain(sketch, steps));
}

function historyOf(plan: Plan, format: Format, steps: readonly Step[]): History {
  return { property: plan.name, format, requires: allRequirements(steps, plan.requires ?? []), steps };
}

function reachOf(plan: Plan, { format, steps }: History): Reach | null {
  const run = new ModelRun(format);
  const reach = new Reach(plan.goals);
  try {
    for (const { action } of steps) {
      if (isLuck(run, action)) return null;
      reach.before(run, action);
      const answer = run.play(action);
      if (!answer.ok && isLuckyRefusal(run, action, answer)) return null;
      reach.after(run, action, answer);
    }
  } catch {
    return null;
  }
  return reach;
}

function told({ states, goals }: Reach): Reached {
  return { states: [...states].sort(), goals: [...goals].sort() };
}
