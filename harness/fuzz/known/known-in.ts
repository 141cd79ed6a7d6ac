/** Where a history does what a program is known for. */
import type { Identity } from '../../target/target.js';
import { ModelRun } from '../draw/model-run.js';
import { qmpAction } from '../draw/sketch.js';
import type { History } from '../history.js';
import { KNOWN } from './known.js';
import { type KnownStep, triggersOf } from './trigger.js';

/** Every such step, in order. What the model cannot play has none after that. */
export function knownIn({ format, steps }: History, target: Pick<Identity, 'program'>): KnownStep[] {
  const triggers = triggersOf(KNOWN, target);
  const found: KnownStep[] = [];
  if (triggers.length === 0) return found;
  const run = new ModelRun(format);
  try {
    for (const [step, { action }] of steps.entries()) {
      const before = triggers.find((trigger) => trigger.before?.(run, action) === true);
      const answer = run.play(action);
      const known =
        before ??
        (answer.ok ? undefined : triggers.find((trigger) => trigger.refused?.(run, action, answer) === true));
      if (known !== undefined) found.push({ step, name: known.name, shownBy: known.shownBy });
    }
    // When a history is over, all jobs that are left are cancelled; what comes of that shows at its last step.
    for (const { id } of run.jobs) {
      const cancel = qmpAction('job-cancel', { id });
      const known = triggers.find((trigger) => trigger.before?.(run, cancel) === true);
      if (known !== undefined)
        found.push({ step: steps.length - 1, name: known.name, shownBy: known.shownBy });
    }
  } catch {
    // The specification threw where it must not: that is another finding.
  }
  return found;
}
