/**
 * What targets are known to do otherwise, as steps that bring it about: histories leave these out, so that what is known
 * does not end every one of them. One round in {@link UNSTEERED} leaves out nothing.
 */
import type { Action } from '../../case/case.js';
import type { Identity } from '../../target/target.js';
import type { Answer, ModelRun } from '../draw/model-run.js';

/** One seed in so many is not steered. */
export const UNSTEERED = 16;

/** One known trigger. */
export interface Trigger {
  readonly name: string;
  /** the case or the finding that shows it */
  readonly shownBy: string;
  /** programs that do it, by what they say of themselves: "qemu-storage-daemon 7.2.22 (…)" */
  readonly programs: RegExp;
  /** before the step is played: whether it would bring it about */
  readonly before?: (run: ModelRun, action: Action) => boolean;
  /** after the model refused it, which has changed nothing */
  readonly refused?: (run: ModelRun, action: Action, answer: Answer & { readonly ok: false }) => boolean;
}

/** A step of a history that brings something known about. */
export interface KnownStep {
  readonly step: number;
  readonly name: string;
  /** the case that shows it */
  readonly shownBy: string;
}

/** Those that a program is known for. */
export function triggersOf(
  triggers: readonly Trigger[],
  { program }: Pick<Identity, 'program'>,
): readonly Trigger[] {
  return triggers.filter((trigger) => trigger.programs.test(program));
}
