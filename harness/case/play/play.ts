/** Plays the steps of a case in a session and writes down the dialogue. */
import type { JsonObject } from '../../../spec/json/value.js';
import { Declined, type Reply, type Session } from '../../target/target.js';
import type { Action, Step } from '../case.js';
import { Ahead } from './ahead.js';
import { type AnswerContext, eventLines, ioLine, observationLines, replyLines } from './answer.js';
import { performBytes } from './bytes.js';
import { performFormat } from './format.js';
import { performGraph } from './graph.js';
import { mapStrings } from './json.js';
import { NbdConnections } from './nbd.js';
import { questionLines } from './question.js';
import { resolveSymbols } from './symbol.js';
import { FORMAT, performTool, restoreFormat } from './tool.js';
import type { TranscriptLine } from './transcript.js';
import { awaitedEvents, HeldEvents, performWait, type Waiting } from './wait.js';

/** What playing needs to know besides the session. */
export interface PlayContext extends Omit<AnswerContext, 'directory'> {
  readonly files: ReadonlySet<string>;
  /** runs one request under the limits; rejects when they are passed or the run is interrupted */
  within<T>(request: Promise<T>): Promise<T>;
  /** the lines of an outcome of `either` and of an answer, as they are to be compared */
  comparable(lines: readonly string[]): readonly string[];
  /** commands may be sent before the replies to those before them have come */
  readonly sendsAhead?: boolean;
  /** asked after each step whether to go on; default: always */
  goesOn?(played: Played): Promise<boolean>;
}

/** What is known so far; grows while the case is played, so that a fault leaves the dialogue up to it. */
export interface Played {
  readonly lines: TranscriptLine[];
  /** the step being played, or the last one */
  step: number;
  /** some `either` met one of its outcomes */
  allowed: boolean;
}

/** Plays `steps`, adding to `played`. Rejects with what the session or a limit rejects with. */
export async function play(
  steps: readonly Step[],
  session: Session,
  context: PlayContext,
  played: Played,
): Promise<void> {
  const answers: AnswerContext = {
    directory: session.directory,
    errorId: (desc, errorClass) => context.errorId(desc, errorClass),
  };
  const say = (lines: readonly string[]): void => {
    for (const text of lines) played.lines.push({ text, step: played.step });
  };
  const events = new Events(steps, session, context);
  const nbd = new NbdConnections(session, context);
  const execute = executor(steps, session, context);
  const parts = { events, nbd, execute: (command: Command) => execute(played.step, command) };
  try {
    for (const [index, { action }] of steps.entries()) {
      played.step = index;
      say(askedLines(action));
      if (action.verb === 'log') continue;
      if (action.verb === 'either') {
        const answer = await perform(action.action, session, context, answers, parts);
        const observed = comparableText(context, answer);
        const met = action.outcomes.some((outcome) => comparableText(context, outcome) === observed);
        say(met ? [`   one of ${action.outcomes.length} allowed outcomes`] : answer);
        if (met) played.allowed = true;
      } else {
        say(await perform(action, session, context, answers, parts));
      }
      for (const event of events.passed()) say(eventLines(event, answers));
      if (context.goesOn !== undefined && !(await context.goesOn(played))) return;
    }
  } finally {
    nbd.close();
  }
}

/** The lines of a question, which is asked of the model and of the target: they are made once. */
const asked = new WeakMap<Action, readonly string[]>();

function askedLines(action: Action): readonly string[] {
  const lines = asked.get(action) ?? questionLines(action);
  asked.set(action, lines);
  return lines;
}

/** The events of a session: those that are printed as they come, and those that are waited for. */
class Events implements Waiting {
  readonly held: HeldEvents;
  readonly #session: Session;
  readonly #context: PlayContext;
  readonly #passed: JsonObject[] = [];

  constructor(steps: readonly Step[], session: Session, context: PlayContext) {
    this.held = new HeldEvents(awaitedEvents(steps));
    this.#session = session;
    this.#context = context;
  }

  /** Those that have come by now and need not be waited for. */
  passed(): JsonObject[] {
    this.#collect();
    return this.#passed.splice(0);
  }

  async more(): Promise<boolean> {
    const { moreEvents } = this.#session;
    if (moreEvents === undefined) throw new Declined('it has no events');
    const isMore = await this.#context.within(moreEvents.call(this.#session));
    this.#collect();
    return isMore;
  }

  readonly queryJobs = async (): Promise<Reply> => {
    const reply = await this.#context.within(this.#session.qmp('query-jobs', undefined));
    this.#collect();
    return reply;
  };

  #collect(): void {
    this.#passed.push(...this.held.sort(this.#session.events()));
  }
}

function comparableText(context: PlayContext, lines: readonly string[]): string {
  return context
    .comparable(lines)
    .map((line) => line.trim())
    .join('\n');
}

/** `{format}` for the name of the overlay format; the raw one has the same name everywhere. */
function withFormat(lines: readonly string[], { formatDriver }: Session): readonly string[] {
  const isNamed = formatDriver !== undefined && formatDriver !== 'raw';
  return isNamed ? lines.map((line) => restoreFormat(line, formatDriver)) : lines;
}

type Command = Extract<Action, { verb: 'qmp' }>;

/** How commands are sent: each at its step, or some of them ahead. */
function executor(
  steps: readonly Step[],
  session: Session,
  context: PlayContext,
): (step: number, command: Command) => Promise<Reply> {
  const resolve = resolver(session, context);
  const send = ({ command, arguments: args }: Command): Promise<Reply> =>
    session.qmp(command, args === undefined ? undefined : (mapStrings(args, resolve) as JsonObject));
  if (context.sendsAhead !== true) return (_, command) => send(command);
  const ahead = new Ahead(steps, send);
  return (step, command) => ahead.reply(step, command);
}

function resolver(session: Session, context: PlayContext): (text: string) => string {
  const formatName = session.formatDriver;
  return (text) => {
    const resolved = resolveSymbols(text, context.files, session.directory);
    return formatName === undefined ? resolved : resolved.replaceAll(FORMAT, formatName);
  };
}

interface Parts {
  readonly events: Events;
  readonly nbd: NbdConnections;
  readonly execute: (command: Command) => Promise<Reply>;
}

async function perform(
  action: Exclude<Action, { verb: 'either' | 'log' }>,
  session: Session,
  context: PlayContext,
  answers: AnswerContext,
  { events, nbd, execute }: Parts,
): Promise<readonly string[]> {
  switch (action.verb) {
    case 'create':
      await context.within(session.create(action.file, action.size));
      return ['   ok'];
    case 'open': {
      const { node, size, driver, readOnly, discard, policy, backing, device } = action;
      const image = size === null ? { existing: true } : { size };
      const chosen = policy === undefined ? {} : { policy };
      const held = device === undefined ? {} : { device };
      const below = backing === undefined ? {} : { backing };
      const options = { ...image, driver, readOnly, discard, ...chosen, ...below, ...held };
      const reply = await context.within(session.open(node, options));
      return 'return' in reply ? ['   ok'] : replyLines(reply, answers);
    }
    case 'drive': {
      if (session.drive === undefined) throw new Declined('it has no drives');
      const reply = await context.within(session.drive(action.id, action.readOnly));
      return 'return' in reply ? ['   ok'] : replyLines(reply, answers);
    }
    case 'qmp':
      return withFormat(replyLines(await context.within(execute(action)), answers), session);
    case 'raw': {
      const text = resolver(session, context)(action.text);
      return withFormat(replyLines(await context.within(session.qmpText(text)), answers), session);
    }
    case 'graph':
      return withFormat(await performGraph(session, (request) => context.within(request), answers), session);
    case 'io':
      return [ioLine(await context.within(session.io(action.node, action.request)))];
    case 'restart':
    case 'kill':
      await context.within(session.restart(action.verb === 'kill' ? 'kill' : 'quit'));
      events.held.clear();
      nbd.close();
      return ['   ok'];
    case 'wait':
      return performWait(action, events, answers);
    case 'file':
    case 'descriptor':
    case 'check':
      return performFormat(action, session, (request) => context.within(request));
    case 'nbd':
      return nbd.perform(action);
    case 'img':
    case 'image-io':
      return performTool(action, session, context.files, (request) => context.within(request));
    case 'bytes':
      return performBytes(action.file, session, (request) => context.within(request));
    case 'observe': {
      const observation = await context.within(session.observe(action.node));
      return observationLines(observation, answers);
    }
  }
}
