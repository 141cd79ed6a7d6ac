/** Where a history does what a program is known for. */
import type { Action } from '../../case/case.js';
import type { Identity } from '../../target/target.js';
import { ModelRun } from '../draw/model-run.js';
import { qmpAction } from '../draw/sketch.js';
import type { History } from '../history.js';
import { KNOWN } from './known.js';
import { type KnownStep, type Trigger, triggersOf } from './trigger.js';

/** Every such step, in order. What the model cannot play has none after that. */
export function knownIn({ format, steps }: History, target: Pick<Identity, 'program'>): KnownStep[] {
  const triggers = triggersOf(KNOWN, target);
  const found: KnownStep[] = [];
  if (triggers.length === 0) return found;
  const run = new ModelRun(format);
  const note = (step: number, known: Trigger | undefined): void => {
    if (known !== undefined) found.push({ step, name: known.name, shownBy: known.shownBy });
  };
  const setOffBy = (action: Action) => triggers.find((trigger) => trigger.before?.(run, action) === true);
  try {
    for (const [step, { action }] of steps.entries()) {
      const before = setOffBy(action);
      const answer = run.play(action);
      note(
        step,
        before ??
          (answer.ok ? undefined : triggers.find(({ refused }) => refused?.(run, action, answer) === true)),
      );
    }
    // When a history is over, all jobs that are left are cancelled; what comes of that shows at its last step.
    for (const { id } of run.jobs) note(steps.length - 1, setOffBy(qmpAction('job-cancel', { id })));
    // And its server ends.
    if (run.machine.exports.isServing) note(steps.length - 1, setOffBy(qmpAction('nbd-server-stop')));
  } catch {
    // The specification threw where it must not: that is another finding.
  }
  return found;
}
