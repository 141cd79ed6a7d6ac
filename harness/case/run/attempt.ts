/** One case on one target: begin, play, end, judge. */
import type { ExpectedDeviation } from '../../golden/expected.js';
import { normalise } from '../../golden/normalise.js';
import { Declined, type Identity, type Session, type Target, TargetFault } from '../../target/target.js';
import { type Case, createdFiles, volatileNodes } from '../case.js';
import { type Played, play } from '../play/play.js';
import { type Transcript, type TranscriptLine, transcriptText } from '../play/transcript.js';
import { bounded, Guard, Interrupted } from './guard.js';
import { dialogueLines, type Judgement, judge } from './judge.js';

/** Starting and ending a session may mean starting a process. */
export const START_LIMIT_MS = 30_000;

export interface AttemptOptions {
  readonly limitMs: number;
  readonly caseLimitMs: number;
  readonly signal: AbortSignal;
  readonly golden: Transcript | null | { readonly wrong: string };
  readonly expected: readonly ExpectedDeviation[];
  errorId(desc: string, errorClass: string): string | undefined;
}

/** More of what a target printed is left out. */
const MAX_STDERR = 2000;

export interface Attempt extends Judgement {
  readonly fault?: string;
  /** the end of what the target printed, where the verdict is not as expected */
  readonly stderr?: string;
  /** the transcript as it is kept and accepted: without what only a comparison may hide */
  readonly transcript: string;
  /** a limit of the runner passed: the target cannot be used again */
  readonly lost: boolean;
}

/**
 * Runs a case. Does not reject for anything the target does.
 * @throws {Interrupted}
 */
export async function attempt(
  found: Case,
  format: string,
  target: Target,
  identity: Identity,
  options: AttemptOptions,
): Promise<Attempt> {
  const played: Played = { lines: [], step: 0, allowed: false };
  const { fault, unforeseen, lost, stderr } = await dialogue(found, format, target, options, played);
  const transcript = transcriptText(normalise('reference', dialogueLines(played, fault), []));
  if (unforeseen instanceof Declined) {
    const link = unforeseen.link === undefined ? {} : { link: unforeseen.link };
    return {
      verdict: 'skip',
      reason: `the target declines: ${unforeseen.message}`,
      transcript,
      lost,
      ...link,
    };
  }
  const printed = stderr === '' ? {} : { stderr: stderr.slice(-MAX_STDERR) };
  const said = fault === undefined ? printed : { ...printed, fault: `${fault.kind}: ${fault.message}` };
  if (unforeseen !== undefined || fault?.kind === 'surroundings') {
    const reason =
      fault?.message ?? `the harness failed: ${String((unforeseen as Error).stack ?? unforeseen)}`;
    return { verdict: 'error', reason, step: played.step, transcript, lost, ...said };
  }
  const { golden, expected } = options;
  const { kind } = target;
  const judgement = judge({
    found,
    kind,
    version: identity.version,
    format,
    played,
    fault,
    golden,
    expected,
  });
  const shown = judgement.verdict === 'pass' || judgement.verdict === 'allowed' ? {} : said;
  return { ...judgement, transcript, lost, ...shown };
}

interface Ending {
  readonly fault: TargetFault | undefined;
  readonly unforeseen: unknown;
  readonly lost: boolean;
  readonly stderr: string;
}

async function dialogue(
  found: Case,
  format: string,
  target: Target,
  options: AttemptOptions,
  played: Played,
): Promise<Ending> {
  const { limitMs, caseLimitMs, signal } = options;
  let session: Session | undefined;
  let guard: Guard | undefined;
  let failure: unknown;
  let lost = false;
  try {
    const devices = found.requires.includes('devices');
    const context = { id: found.id, format, limitMs, volatileNodes: volatileNodes(found.steps), devices };
    session = await bounded(target.begin(context), START_LIMIT_MS, 'starting the session', signal);
    const limits = new Guard(limitMs, caseLimitMs, signal);
    guard = limits;
    const playing = {
      files: createdFiles(found.steps),
      within: <T>(request: Promise<T>): Promise<T> => limits.within(request),
      errorId: options.errorId,
      comparable: (lines: readonly string[]) => comparable(target.kind, lines),
    };
    await play(found.steps, session, playing, played);
  } catch (error) {
    failure = error;
    lost = guard?.passed === true || (session === undefined && isHang(error));
  } finally {
    guard?.release();
  }
  if (failure instanceof Interrupted) throw failure;
  const stderr = session?.stderr?.() ?? '';
  if (session !== undefined && !lost) {
    try {
      await bounded(session.end(), START_LIMIT_MS, 'ending the session', signal);
    } catch (error) {
      if (error instanceof Interrupted) throw error;
      // A session that failed already is allowed to fail again while it ends.
      failure ??= error;
      lost = isHang(error);
    }
  }
  const fault = failure instanceof TargetFault ? failure : undefined;
  return { fault, unforeseen: fault === undefined ? failure : undefined, lost, stderr };
}

function isHang(error: unknown): boolean {
  return error instanceof TargetFault && error.kind === 'hang';
}

function comparable(kind: Target['kind'], lines: readonly string[]): readonly string[] {
  const asLines = (texts: readonly string[]): TranscriptLine[] => texts.map((text) => ({ text, step: -1 }));
  return normalise(kind, asLines(lines), []).map((line) => line.text);
}
