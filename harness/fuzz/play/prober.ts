/**
 * Plays histories on a target beside the model, step by step, and stops at the first difference. What is compared, and how,
 * is what the runner of cases compares: transcripts after the normalisers.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createdFiles, volatileNodes } from '../../case/case.js';
import { NotConnected } from '../../case/play/nbd.js';
import { type PlayContext, type Played, play } from '../../case/play/play.js';
import type { TranscriptLine } from '../../case/play/transcript.js';
import { START_LIMIT_MS } from '../../case/run/attempt.js';
import { bounded, Guard, Interrupted } from '../../case/run/guard.js';
import { errorId } from '../../cli/known.js';
import { normalise } from '../../golden/normalise.js';
import type { TargetChoice } from '../../target/parse.js';
import { createReferenceTarget } from '../../target/reference/reference.js';
import { Declined, type Session, type Target, TargetFault } from '../../target/target.js';
import type { History, Outcome, Prober } from '../history.js';
import { LawBook } from '../laws/law-book.js';
import { LAWS } from '../properties/laws.js';
import type { ProberOptions } from '../property.js';
import { complaintsOf } from './complaints.js';
import { differenceOf } from './difference.js';
import { areAsked, leftovers } from './leftovers.js';
import { restlessStep } from './rest.js';
import { roomIn, unlessFull } from './room.js';

/** How much longer a history may take than one request. */
const HISTORY_LIMITS = 12;
/** Steps of the model between two turns of the event loop; a turn takes about half as long as one of them. */
const TURN_EVERY = 8;
const SPEAK_QMP: ReadonlySet<Target['kind']> = new Set(['qemu-system', 'qsd', 'qmp']);
/** More of what a target printed is left out. */
const MAX_STDERR = 4000;

export function createProber(create: TargetChoice['create'], options: ProberOptions): Prober {
  return new TargetProber(create({ sendsAhead: true }), options);
}

type Expected = Outcome | { readonly lines: readonly TranscriptLine[] };

class TargetProber implements Prober {
  readonly #target: Target;
  readonly #options: ProberOptions;
  readonly #model = createReferenceTarget();
  #prepared: { readonly history: History; readonly expected: Promise<Expected> } | null = null;

  constructor(target: Target, options: ProberOptions) {
    this.#target = target;
    this.#options = options;
  }

  prepare(history: History): void {
    if (history.property === LAWS) return;
    const expected = this.#expect(history);
    // Whoever probes it hears of it; perhaps nobody does any more.
    expected.catch(() => {});
    this.#prepared = { history, expected };
  }

  async probe(history: History, meanwhile?: () => void): Promise<Outcome> {
    let known: readonly string[];
    try {
      const { capabilities, formats } = await bounded(
        this.#target.identify(),
        START_LIMIT_MS,
        'starting the target',
        this.#options.signal,
      );
      known = [...history.requires.filter((one) => !capabilities.has(one))];
      if (!formats.has(history.format)) known = [history.format, ...known];
    } catch (error) {
      if (error instanceof TargetFault) return { kind: 'surroundings', message: error.message };
      throw error;
    }
    if (known.length > 0) {
      return { kind: 'unplayable', step: 0, message: `the target has no ${known.join(', ')}` };
    }
    if (history.property === LAWS) return this.#beside(history, null, meanwhile);
    const prepared = this.#prepared?.history === history ? this.#prepared.expected : null;
    this.#prepared = null;
    const expected = await (prepared ?? this.#expect(history));
    if ('kind' in expected) return expected;
    const restless = restlessStep(history.steps, expected.lines);
    if (restless >= 0) return { kind: 'unplayable', step: restless, message: 'acts before a job rests' };
    return this.#beside(history, expected.lines, meanwhile);
  }

  async close(): Promise<void> {
    await this.#target.close();
  }

  /** What the model says to the whole history. */
  async #expect(history: History): Promise<Expected> {
    const played: Played = { lines: [], step: 0, allowed: false };
    // The model never waits: now and then the process of the other lane has its turn, whose reply may be there by now.
    const { error } = await this.#play(this.#model, history, played, async () => {
      if (played.step % TURN_EVERY === 0) await nextTurn();
      return true;
    });
    if (error instanceof Interrupted) throw error;
    const never = played.lines.find(({ text }) =>
      /^ {3}! (it does not come|there is no such job)/.test(text),
    );
    if (never !== undefined) {
      return { kind: 'unplayable', step: never.step, message: 'waits for what does not come' };
    }
    if (error instanceof Declined || error instanceof NotConnected)
      return { kind: 'unplayable', step: played.step, message: error.message };
    if (error === undefined) return { lines: played.lines };
    // The model is never wrong by itself, so that is a finding, too.
    return {
      kind: 'differs',
      step: played.step,
      expected: ['an answer'],
      observed: [error instanceof TargetFault ? error.message : String((error as Error).stack ?? error)],
      oracle: 'model',
    };
  }

  /** @param expected what the model says; null: there is none, and the target is held to laws alone */
  async #beside(
    history: History,
    expected: readonly TranscriptLine[] | null,
    meanwhile?: () => void,
  ): Promise<Outcome> {
    const played: Played = { lines: [], step: 0, allowed: false };
    const { kind } = this.#target;
    const { version } = await this.#target.identify();
    const hasOtherWords = minor(version) !== minor((await this.#model.identify()).version);
    const laws = new LawBook();
    const middle = Math.floor(history.steps.length / 2);
    let found: Outcome | null = null;
    let isPlaying = true;
    const { error, stderr, isLost, ...place } = await this.#play(
      this.#target,
      history,
      played,
      async (session) => {
        found =
          expected === null
            ? lawBroken(laws, history, played)
            : differenceOf({ kind, hasOtherWords }, expected, played);
        found ??= complaintsOf(session, played.step);
        found ??= await leftovers(session, history, played.step);
        // By then what is sent ahead has been sent, and the other half is still to come.
        if (played.step === middle) setImmediate(() => isPlaying && meanwhile?.());
        return found === null;
      },
    );
    isPlaying = false;
    if (isLost) await this.#target.close();
    if (error instanceof Interrupted) throw error;
    const kept = (bad: Outcome): Outcome => unlessFull(bad, history.steps, place);
    if (found !== null) return kept(found);
    const { step } = played;
    if (error instanceof Declined || error instanceof NotConnected)
      return { kind: 'unplayable', step, message: error.message };
    if (error instanceof TargetFault) {
      if (error.kind === 'surroundings') return { kind: 'surroundings', message: error.message };
      return kept({ kind: error.kind, step, message: error.message, stderr: stderr.slice(-MAX_STDERR) });
    }
    if (error !== undefined) throw error;
    return { kind: 'same' };
  }

  /** A session from its beginning to its end; `goesOn` is asked after each step. */
  async #play(
    target: Target,
    history: History,
    played: Played,
    goesOn?: (session: Session) => Promise<boolean>,
  ): Promise<Ended> {
    const { limitMs, signal } = this.#options;
    const { steps, format, requires } = history;
    let session: Session | undefined;
    let guard: Guard | undefined;
    let error: unknown;
    let isLost = false;
    try {
      const devices = requires.includes('devices');
      const context = { id: history.property, format, limitMs, volatileNodes: volatileNodes(steps), devices };
      session = await bounded(target.begin(context), START_LIMIT_MS, 'starting the session', signal);
      guard = new Guard(limitMs, limitMs * HISTORY_LIMITS, signal);
      // QMP says in which order commands are answered, an adapter perhaps waits for none. And where questions follow each step,
      // the answers to them tell of that step and no later one.
      const sendsAhead = SPEAK_QMP.has(target.kind) && !areAsked(history);
      const playing = contextOf(history, guard, session, played, goesOn);
      await play(steps, session, { ...playing, sendsAhead }, played);
    } catch (failure) {
      error = failure;
      isLost = guard?.passed === true || session === undefined;
    } finally {
      guard?.release();
    }
    const stderr = session?.stderr?.() ?? '';
    // The files are still there; those of the reference are in memory.
    const directory = target.kind === 'reference' ? null : (session?.directory ?? null);
    const room = roomIn(directory);
    if (session !== undefined && !isLost) {
      try {
        await bounded(session.end(), START_LIMIT_MS, 'ending the session', signal);
      } catch (failure) {
        error ??= failure;
        isLost = failure instanceof TargetFault && failure.kind === 'hang';
      }
    }
    return { error, stderr, isLost, directory, room };
  }
}

/** How a session ended. */
interface Ended {
  readonly error: unknown;
  readonly stderr: string;
  readonly isLost: boolean;
  readonly directory: string | null;
  /** what is left there, bytes; null where that cannot be told */
  readonly room: number | null;
}

/** "7.2" of "7.2.22" */
function minor(version: string): string {
  return version.split('.').slice(0, 2).join('.');
}

function lawBroken(laws: LawBook, { steps }: History, { lines, step }: Played): Outcome | null {
  const said = lines.filter((line) => line.step === step).map(({ text }) => text);
  const broken = laws.see(step, steps[step]!.action, said);
  if (broken === null) return null;
  return { kind: 'differs', step, expected: [], observed: broken.observed, oracle: broken.law };
}

function contextOf(
  { steps }: History,
  guard: Guard,
  session: Session,
  played: Played,
  goesOn: ((session: Session) => Promise<boolean>) | undefined,
): PlayContext {
  return {
    files: createdFiles(steps),
    within: (request) => guard.within(request),
    errorId: (desc, errorClass) => errorId('qmp', desc, errorClass),
    comparable: (lines) =>
      normalise(
        'reference',
        lines.map((text) => ({ text, step: played.step })),
        [],
      ).map(({ text }) => text),
    ...(goesOn === undefined ? {} : { goesOn: () => goesOn(session) }),
  };
}
