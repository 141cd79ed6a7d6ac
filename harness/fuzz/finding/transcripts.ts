/** What the model and a target say to a history, as the transcripts of a case. */
import type { Case } from '../../case/case.js';
import { attempt } from '../../case/run/attempt.js';
import { bounded } from '../../case/run/guard.js';
import { createReferenceTarget } from '../../target/reference/reference.js';
import type { Target } from '../../target/target.js';
import type { History } from '../history.js';

export interface TranscriptOptions {
  readonly limitMs: number;
  readonly signal: AbortSignal;
  errorId(desc: string, errorClass: string): string | undefined;
}

/** A history as a case of that name. */
export function asCase({ format, requires, steps }: History, id: string): Case {
  return {
    id,
    area: 'regressions',
    title: id,
    rules: [],
    models: [],
    requires,
    formats: [format],
    steps,
    file: id,
  };
}

/** The lines of a transcript. The target is closed afterwards. */
export async function transcriptOn(
  target: Target,
  history: History,
  { limitMs, signal, errorId }: TranscriptOptions,
): Promise<string[]> {
  try {
    const identity = await bounded(target.identify(), 30_000, 'starting the target', signal);
    const { transcript } = await attempt(asCase(history, 'history'), history.format, target, identity, {
      limitMs,
      caseLimitMs: 12 * limitMs,
      signal,
      golden: [],
      expected: [],
      errorId,
    });
    return transcript.split('\n').slice(0, -1);
  } finally {
    await target.close();
  }
}

/** The model's. */
export function modelTranscript(history: History, options: TranscriptOptions): Promise<string[]> {
  return transcriptOn(createReferenceTarget(), history, options);
}
