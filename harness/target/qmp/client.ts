/**
 * A QMP client on a child's socket or stdio: the greeting, capabilities, commands, and events apart from replies.
 * QEMU's docs/interop/qmp-spec.
 */
import { readJson } from '../../../spec/json/read.js';
import { isJsonObject, type Json, type JsonObject } from '../../../spec/json/value.js';
import { writeJson } from '../../../spec/json/write.js';
import { Dialogue } from '../dialogue.js';
import type { Child } from '../process.js';
import { type Reply, TargetFault, type Use } from '../target.js';
import { negotiation, readMessage, writeCommand } from './message.js';

/** What the greeting says. */
export interface Greeting {
  /** "7.2.22" */
  readonly version: string;
  /** "Debian 1:7.2+dfsg-7+deb12u18+b3"; may be empty */
  readonly package: string;
  /** what may be asked for: "oob" */
  readonly capabilities: readonly Json[];
}

export interface ClientOptions extends Use {
  /** which events are effects of the harness itself, and never reach {@link QmpClient.takeEvents} */
  readonly isOurs: (event: JsonObject) => boolean;
}

/** More events than any case makes; a target that sends more is flooding us. */
const MOST_EVENTS = 100_000;

/** Characters of a reply in a message. */
const MOST_QUOTED = 200;

/** No byte of JSON: QEMU's lexer answers with an error and forgets the unfinished text before it. */
const RESET = '\u00ff\n';

interface EventWaiter {
  readonly matches: (event: JsonObject) => boolean;
  readonly resolve: () => void;
  readonly reject: (fault: TargetFault) => void;
  readonly timer: NodeJS.Timeout;
}

export class QmpClient {
  readonly #dialogue: Dialogue<JsonObject>;
  readonly #isOurs: (event: JsonObject) => boolean;
  #events: JsonObject[] = [];
  #waiters: EventWaiter[] = [];
  #text: { answered: boolean; readonly sync: string } | null = null;
  #syncs = 0;
  #commands = 0;
  /** set by {@link QmpClient.connect} */
  greeting: Greeting = { version: '', package: '', capabilities: [] };

  /** Use {@link QmpClient.connect}. */
  private constructor(
    child: Child,
    channel: Pick<Child, 'input' | 'output'>,
    isOurs: (event: JsonObject) => boolean,
  ) {
    this.#isOurs = isOurs;
    this.#dialogue = new Dialogue<JsonObject>({
      language: 'QMP',
      child,
      input: channel.input,
      output: channel.output,
      read: readMessage,
      aside: (message) => this.#aside(message),
      failed: (fault) => {
        for (const { timer, reject } of this.#waiters) {
          clearTimeout(timer);
          reject(fault);
        }
        this.#waiters = [];
      },
    });
  }

  /**
   * Reads the greeting and ends the negotiation.
   *
   * @throws TargetFault `crash`, `hang` or `garbage`
   */
  static async connect(
    child: Child,
    channel: Pick<Child, 'input' | 'output'>,
    { isOurs, sendsAhead = false }: ClientOptions,
    limitMs: number,
  ): Promise<QmpClient> {
    const client = new QmpClient(child, channel, isOurs);
    client.greeting = readGreeting(await client.#dialogue.expect('QMP greeting', limitMs));
    const ahead = sendsAhead && client.greeting.capabilities.includes('oob');
    await client.demand('qmp_capabilities', negotiation(ahead), limitMs);
    return client;
  }

  /** The first fault, which every later request is rejected with. */
  get fault(): TargetFault | null {
    return this.#dialogue.fault;
  }

  /**
   * Executes a command. Several may be on their way; their replies come in their order.
   *
   * @throws TargetFault `garbage` also for a reply to another command: one was answered twice, or not at all
   */
  async execute(command: string, args: JsonObject | undefined, limitMs: number): Promise<Reply> {
    // One digit: a longer one takes longer to read, and tells a reply from its neighbours no better.
    const id = ++this.#commands % 10;
    const message = await this.#dialogue.ask(writeCommand(command, args, id), command, limitMs);
    if (message.id !== undefined && message.id !== id) {
      const found = writeJson(message).slice(0, MOST_QUOTED);
      this.#dialogue.fail('garbage', `${command}: this reply is not to it, which has the id ${id}: ${found}`);
      throw this.#dialogue.fault;
    }
    const reply = message as Reply;
    return 'return' in reply ? { return: reply.return } : { error: reply.error };
  }

  /**
   * Executes a command that the harness itself needs.
   *
   * @throws TargetFault also when the answer is an error
   */
  async demand(command: string, args: JsonObject | undefined, limitMs: number): Promise<Json> {
    const reply = await this.execute(command, args, limitMs);
    if ('return' in reply) return reply.return;
    throw new TargetFault('surroundings', `the target refuses ${command}: ${reply.error.desc}`);
  }

  /**
   * Asks the program to end. Once it has said yes, that its connection ends is no fault any more.
   *
   * @throws TargetFault also when it refuses
   */
  async quit(limitMs: number): Promise<void> {
    await this.demand('quit', undefined, limitMs);
    this.#dialogue.expectEnd();
  }

  /**
   * Sends `text` as it is, then reads one reply. Further replies to the same text (a broken text may have several) are
   * dropped, so that the next command meets its own.
   *
   * @throws TargetFault `hang` also when the text, being unfinished, gets no reply
   */
  async sendText(text: string, limitMs: number): Promise<Reply> {
    const sync = `qbm-sync-${++this.#syncs}`;
    this.#text = { answered: false, sync };
    try {
      const reply = (await this.#dialogue.ask(`${text}\n`, 'QMP text', limitMs)) as Reply;
      const command = `{"execute": "query-version", "id": "${sync}"}\n`;
      await this.#dialogue.ask(
        isWhole(text) ? command : Buffer.from(RESET + command, 'latin1'),
        'command after QMP text',
        limitMs,
      );
      return reply;
    } finally {
      this.#text = null;
    }
  }

  /** Events since the last call, in order, without the harness's own. */
  takeEvents(): JsonObject[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  /** Waits until {@link takeEvents} has an event. @throws TargetFault `hang` when none comes in time */
  async moreEvents(limitMs: number): Promise<void> {
    if (this.#events.length > 0) return;
    await this.causing(
      (event) => !this.#isOurs(event),
      'event',
      limitMs,
      async () => true,
    );
  }

  /**
   * Runs `cause`, then waits for an event, the harness's own included, that came since.
   *
   * @param cause returns false when the event will not come after all
   * @param what the event as a person knows it, for the message of the `hang`
   * @throws TargetFault, and what `cause` throws
   */
  async causing(
    matches: (event: JsonObject) => boolean,
    what: string,
    limitMs: number,
    cause: () => Promise<boolean>,
  ): Promise<void> {
    let waiter: EventWaiter | undefined;
    const seen = new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => this.#dialogue.fail('hang', `no ${what} within ${limitMs} ms`), limitMs);
      waiter = { matches, resolve, reject, timer };
      this.#waiters.push(waiter);
    });
    seen.catch(() => {}); // it is looked at below, but only once `cause` is done
    try {
      if (await cause()) await seen;
    } finally {
      clearTimeout(waiter?.timer);
      this.#waiters = this.#waiters.filter((other) => other !== waiter);
    }
  }

  close(): void {
    this.#dialogue.close();
  }

  #aside(message: JsonObject): boolean {
    if (message.event === undefined) return message.QMP === undefined && this.#isExtra(message);
    if (this.#waiters.length > 0) {
      this.#waiters = this.#waiters.filter((waiter) => {
        if (!waiter.matches(message)) return true;
        clearTimeout(waiter.timer);
        waiter.resolve();
        return false;
      });
    }
    if (!this.#isOurs(message)) this.#events.push(message);
    if (this.#events.length > MOST_EVENTS)
      throw new Error(`more than ${MOST_EVENTS} events that nobody waits for`);
    return true;
  }

  /** Whether a reply is one too many for the text sent by {@link sendText}. */
  #isExtra(message: JsonObject): boolean {
    checkReply(message);
    const text = this.#text;
    if (text === null) return false;
    if (text.answered) return message.id !== text.sync;
    text.answered = true;
    return false;
  }
}

function checkReply(message: JsonObject): void {
  if (message.return !== undefined) return;
  const error = message.error;
  if (isJsonObject(error) && typeof error.class === 'string' && typeof error.desc === 'string') return;
  throw new Error('a reply has "return", or "error" with "class" and "desc"');
}

/** Whether `text` is whole JSON, so that QEMU's parser is between two commands after it. */
function isWhole(text: string): boolean {
  try {
    readJson(text);
    return true;
  } catch {
    return false;
  }
}

function readGreeting(message: JsonObject): Greeting {
  const greeting = isJsonObject(message.QMP) ? message.QMP : {};
  const version = isJsonObject(greeting.version) ? greeting.version : {};
  const qemu = isJsonObject(version.qemu) ? version.qemu : {};
  const { major, minor, micro } = qemu;
  if (typeof major !== 'number' || typeof minor !== 'number' || typeof micro !== 'number') {
    throw new TargetFault('garbage', `not a QMP greeting: ${JSON.stringify(message).slice(0, 200)}`);
  }
  return {
    version: `${major}.${minor}.${micro}`,
    package: typeof version.package === 'string' ? version.package : '',
    capabilities: Array.isArray(greeting.capabilities) ? greeting.capabilities : [],
  };
}
