/**
 * Histories act on jobs only where these rest (C2): after a command that moves a job, the next step waits for it. What a
 * reducer leaves of a history may not do that; then luck would decide what is seen.
 */
import type { Action, Step } from '../../case/case.js';
import type { TranscriptLine } from '../../case/play/transcript.js';
import { asksFor, commandsOf } from '../commands.js';

const STARTS = /^(blockdev-(backup|mirror|create)|block-(commit|stream)|drive-(backup|mirror))$/;
const MOVES = /^(block-)?job-(pause|resume|cancel|complete|finalize)$/;

/**
 * The index of the first step that comes before a job has come to rest, or -1.
 *
 * @param expected what the model says: a command that it refuses moves nothing
 */
export function restlessStep(steps: readonly Step[], expected: readonly TranscriptLine[]): number {
  const restless = new Set<string>();
  const standby = new Set<string>();
  const refused = new Set(
    expected.filter(({ text }) => text.startsWith('<- error ')).map(({ step }) => step),
  );
  for (const [index, { action }] of steps.entries()) {
    if (action.verb === 'wait' && action.job !== undefined) {
      restless.delete(action.job);
      standby[action.state === 'standby' ? 'add' : 'delete'](action.job);
    } else if (restless.size > 0 && action.verb !== 'wait') return index;
    if (refused.has(index)) continue;
    // To be completed moves a job that is paused only when it goes on.
    const isCompleted = asksFor(action, (name) => /^(block-)?job-complete$/.test(name));
    for (const id of moved(action)) if (!isCompleted || !standby.has(id)) restless.add(id);
  }
  return -1;
}

/** The jobs that a step moves, as far as it says so itself; but for those that go on until they are cancelled. */
function* moved(action: Action): Generator<string> {
  for (const { name, args } of commandsOf(action)) {
    // A mirror comes to rest also if it copies nothing of what is there.
    const isEndless = args.sync === 'none' && !name.endsWith('-mirror');
    if (STARTS.test(name) && !isEndless) yield String(args['job-id'] ?? args.device);
    if (MOVES.test(name)) yield String(args.id ?? args.device);
  }
}
