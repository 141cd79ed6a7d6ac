/** The step `nbd`: connections of our own client to the case's NBD server, and real clients of it. */
import { NbdGarbage, NbdTalk } from '../../nbd/talk.js';
import { Declined, type NbdPart, type Session, TargetFault } from '../../target/target.js';
import type { NbdAction } from '../nbd-step.js';
import { answerOption } from './nbd-handshake.js';
import { answerRequest } from './nbd-request.js';
import { printable } from './printable.js';
import { resolveSymbols, restoreSymbols } from './symbol.js';
import { splitLines } from './tool.js';

/** A connection, and what was agreed on. */
export interface Connection {
  readonly talk: NbdTalk;
  /** of the contexts that were chosen, by number */
  readonly contexts: Map<number, string>;
}

/** How long a server may take to close a connection that says good-bye, milliseconds. */
const GOODBYE_MS = 5000;

/** What playing this step needs. */
export interface NbdContext {
  readonly files: ReadonlySet<string>;
  within<T>(request: Promise<T>): Promise<T>;
}

/** A mistake of whoever wrote the steps. */
export class NotConnected extends Error {
  constructor(connection: string) {
    super(`no connection "${connection}": a step before connects it`);
    this.name = 'NotConnected';
  }
}

/** The connections that a case has, by name. */
export class NbdConnections {
  readonly #session: Session;
  readonly #context: NbdContext;
  readonly #connections = new Map<string, Connection>();

  constructor(session: Session, context: NbdContext) {
    this.#session = session;
    this.#context = context;
  }

  /** @returns the lines of the answer */
  async perform(action: NbdAction): Promise<string[]> {
    const part = this.#session.nbd;
    if (part === undefined) throw new Declined('it has no NBD server');
    await this.#context.within(part.prepare());
    if (action.op === 'run') return this.#run(part, action.words);
    const old = this.#connections.get(action.connection);
    if (action.op === 'connect') {
      old?.talk.destroy();
      return this.#answered(action.connection, this.#connect(part, action));
    }
    if (old === undefined) throw new NotConnected(action.connection);
    return this.#answered(action.connection, this.#act(old, action));
  }

  /** All are gone. */
  close(): void {
    for (const { talk } of this.#connections.values()) talk.destroy();
    this.#connections.clear();
  }

  async #connect(part: NbdPart, action: Extract<NbdAction, { op: 'connect' }>): Promise<string[]> {
    const talk = await NbdTalk.connect(`${part.directory}/${action.socket}`);
    const connection = { talk, contexts: new Map<number, string>() };
    this.#connections.set(action.connection, connection);
    const lines: string[] = [];
    if (action.replies === 'structured')
      lines.push(...(await answerOption(connection, { op: 'structured' })));
    if (action.contexts.length > 0) {
      const { export: name, contexts: queries } = action;
      lines.push(...(await answerOption(connection, { op: 'choose', export: name ?? '', queries })));
    }
    if (action.export !== null)
      lines.push(...(await answerOption(connection, { op: 'go', export: action.export })));
    return lines.length === 0 ? ['   ok'] : lines;
  }

  async #act(
    connection: Connection,
    action: Exclude<NbdAction, { op: 'run' | 'connect' }>,
  ): Promise<string[]> {
    switch (action.op) {
      case 'disconnect':
        await connection.talk.disconnect(GOODBYE_MS);
        return ['   ok'];
      case 'ended': {
        const bytes = await connection.talk.ended();
        return [bytes === 0 ? '   disconnected' : `   disconnected after ${bytes} bytes`];
      }
      case 'request':
        return answerRequest(connection, action);
      default:
        return answerOption(connection, action);
    }
  }

  /** That the server closes the connection is an answer, too; of a server that died the next step tells. */
  async #answered(name: string, answer: Promise<string[]>): Promise<string[]> {
    try {
      return await this.#context.within(answer);
    } catch (error) {
      if (error instanceof NbdGarbage) throw new TargetFault('garbage', `nbd ${name}: ${error.message}`);
      if (!(error instanceof TargetFault) || error.kind !== 'crash') throw error;
      return [/cannot connect/.test(error.message) ? '   no connection' : '   disconnected'];
    }
  }

  async #run(part: NbdPart, words: readonly string[]): Promise<string[]> {
    const resolved = words.map((word) => resolveSymbols(word, this.#context.files, part.directory));
    const { code, stdout, stderr } = await this.#context.within(part.run(resolved));
    const lines = (text: string, prefix: string): string[] =>
      splitLines(text).map((line) => `${prefix}${printable(restoreSymbols(line, part.directory))}`.trimEnd());
    return [...lines(stdout, '   '), ...lines(stderr, '   ! '), ...(code === 0 ? [] : [`   exit ${code}`])];
  }
}
