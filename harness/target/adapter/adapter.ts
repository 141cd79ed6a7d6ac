/** An outsider's implementation as a target, over the adapter protocol v1 (see protocol.ts). */
import { basename } from 'node:path';
import type { JsonObject } from '../../../spec/json/value.js';
import { Dialogue } from '../dialogue.js';
import { joinAreas, LARGEST_MAPPED_DISK, sortBitmaps } from '../observe.js';
import { type Child, settles, startChild } from '../process.js';
import { splitCommand } from '../shell-words.js';
import {
  type BitmapObservation,
  type CaseContext,
  Declined,
  type Identity,
  type IoOutcome,
  type IoRequest,
  type NodeObservation,
  type OpenOptions,
  type Reply,
  type Session,
  type Target,
  type TargetFault,
} from '../target.js';
import { AdapterFormat } from './format.js';
import { COMMANDS_OF, mapCommand, mapRequest } from './ops.js';
import type { Answers, Failed, Hello, ObservedBitmap, Op, Request, Result, Skipped } from './protocol.js';
import { wrongInAnswer } from './validate.js';

export { adapterSupports } from './ops.js';

/** How long an adapter may take from its start to its answer to `hello`, milliseconds. */
const START_LIMIT_MS = 30_000;
/** How long it may take to say good-bye. */
const BYE_LIMIT_MS = 2000;

type Answer = { readonly [member: string]: unknown };

/** A running adapter that has said hello. */
class Adapter {
  readonly child: Child;
  readonly #dialogue: Dialogue<Answer>;
  #seq = 0;

  constructor(child: Child) {
    this.child = child;
    const { input, output } = child;
    this.#dialogue = new Dialogue<Answer>({
      language: 'an answer',
      child,
      input,
      output,
      read,
      aside: () => false,
    });
  }

  get isAlive(): boolean {
    return this.#dialogue.fault === null && this.child.exit === null;
  }

  /** @throws TargetFault */
  async ask<C extends Request['cmd']>(
    request: Request & { readonly cmd: C },
    limitMs: number,
  ): Promise<Answers[C]> {
    const seq = ++this.#seq;
    const answer = await this.#dialogue.ask(`${JSON.stringify({ seq, ...request })}\n`, request.cmd, limitMs);
    const wrong =
      answer.seq === seq ? wrongInAnswer(request.cmd, answer) : `"seq" must be ${seq}, as in the request`;
    if (wrong === null) return answer as unknown as Answers[C];
    throw this.#garbage(request, wrong, answer);
  }

  async apply(op: Op, limitMs: number): Promise<Exclude<Result, { skipped: true }>> {
    const request: Request = { cmd: 'apply', ops: [op] };
    const answer = await this.ask(request, limitMs);
    const [result, ...more] = answer.results;
    if (result === undefined || more.length > 0) {
      throw this.#garbage(request, `${answer.results.length} results for 1 operation`, answer);
    }
    if ('skipped' in result) throw new Declined(result.reason, result.link);
    const isIo = !op.op.startsWith('bitmap-') && op.op !== 'transaction' && op.op !== 'resize';
    if (!isIo && !('ok' in result) && !('error' in result)) {
      throw this.#garbage(
        request,
        `"${op.op}" is no guest I/O: its result is "ok", "error" or "skipped"`,
        answer,
      );
    }
    return result;
  }

  async stop(): Promise<void> {
    if (this.isAlive) await settles(this.ask({ cmd: 'bye' }, BYE_LIMIT_MS), BYE_LIMIT_MS);
    this.#dialogue.close();
    await this.child.stop();
  }

  #garbage(request: Request, wrong: string, answer: unknown): TargetFault {
    const said = JSON.stringify(answer);
    const shown = said.length > 300 ? `${said.slice(0, 300)}…` : said;
    this.#dialogue.fail(
      'garbage',
      `${request.cmd}: ${wrong}\n  request: ${JSON.stringify(request)}\n  answer:  ${shown}\n`,
    );
    return this.#dialogue.fault!;
  }
}

export class AdapterTarget implements Target {
  readonly name: string;
  readonly kind = 'adapter';
  readonly #words: readonly string[];
  #adapter: Adapter | null = null;
  #identity: Identity | null = null;
  #isBusy = false;

  /** @throws Error when `command` is no command */
  constructor(name: string, command: string) {
    this.name = name;
    this.#words = splitCommand(command);
  }

  async identify(): Promise<Identity> {
    await this.#start();
    return this.#identity!;
  }

  async begin(context: CaseContext): Promise<Session> {
    if (this.#isBusy) throw new Error(`${this.name}: the case before ${context.id} has not ended`);
    const adapter = await this.#start();
    await adapter.ask({ cmd: 'reset' }, context.limitMs);
    this.#isBusy = true;
    return new AdapterSession(adapter, context, () => {
      if (this.#adapter === adapter) this.#isBusy = false;
    });
  }

  async close(): Promise<void> {
    const adapter = this.#adapter;
    this.#adapter = null;
    this.#isBusy = false;
    await adapter?.stop();
  }

  async #start(): Promise<Adapter> {
    if (this.#adapter !== null && !this.#adapter.isAlive) await this.close();
    if (this.#adapter !== null) return this.#adapter;
    const [file, ...args] = this.#words;
    const adapter = new Adapter(await startChild({ file: file!, args, channel: 'stdio' }));
    this.#adapter = adapter;
    try {
      this.#identity = identityOf(await adapter.ask({ cmd: 'hello', protocol: 1 }, START_LIMIT_MS));
    } catch (error) {
      await this.close();
      throw error;
    }
    return adapter;
  }
}

class AdapterSession implements Session {
  readonly directory = null;
  readonly format: AdapterFormat;
  readonly #adapter: Adapter;
  readonly #limitMs: number;
  readonly #ended: () => void;
  readonly #printedBefore: number;

  constructor(adapter: Adapter, { limitMs }: CaseContext, ended: () => void) {
    this.#adapter = adapter;
    this.#limitMs = limitMs;
    this.#ended = ended;
    this.#printedBefore = adapter.child.printed;
    this.format = new AdapterFormat(adapter, limitMs);
  }

  async create(): Promise<void> {
    throw new Declined('the adapter protocol v1 has no files');
  }

  async open(node: string, { size, driver, readOnly, discard }: OpenOptions): Promise<Reply> {
    if (size === undefined) throw new Declined('the adapter protocol v1 has no images that are opened again');
    const rest = { ...(readOnly ? { readOnly } : {}), ...(discard === 'ignore' ? { discard } : {}) };
    return asReply(
      await this.#adapter.ask({ cmd: 'open', node, size: String(size), driver, ...rest }, this.#limitMs),
    );
  }

  async qmp(command: string, args: JsonObject | undefined): Promise<Reply> {
    const mapped = mapCommand(command, args);
    if (mapped === null) throw new Declined(`the adapter protocol v1 has no operation for this ${command}`);
    if ('close' in mapped)
      return asReply(await this.#adapter.ask({ cmd: 'close', node: mapped.close }, this.#limitMs));
    return asReply(await this.#adapter.apply(mapped.op, this.#limitMs));
  }

  async qmpText(): Promise<Reply> {
    throw new Declined('the adapter protocol v1 has no QMP text');
  }

  async io(node: string, request: IoRequest): Promise<IoOutcome> {
    const result = await this.#adapter.apply(mapRequest(node, request), this.#limitMs);
    if ('error' in result) return { errno: result.error };
    if ('mismatch' in result)
      return { mismatch: { at: Number(result.mismatch.at), found: result.mismatch.found } };
    return result;
  }

  async observe(node: string): Promise<NodeObservation | Reply> {
    const answer = await this.#adapter.ask({ cmd: 'observe', node }, this.#limitMs);
    if (!('bitmaps' in answer)) return asReply(answer);
    const size = Number(answer.size);
    return { size, bitmaps: sortBitmaps(answer.bitmaps.map((bitmap) => observation(bitmap, size))) };
  }

  async restart(): Promise<void> {
    throw new Declined('the adapter protocol v1 has no restart');
  }

  events(): JsonObject[] {
    return [];
  }

  stderr(): string {
    return this.#adapter.child.stderr(this.#printedBefore);
  }

  async end(): Promise<void> {
    // The next case begins with a reset; an adapter with a fault has been killed already.
    this.#ended();
  }
}

/** Turns a line into an answer. */
function read(line: string): Answer {
  // Nothing can be lost: the protocol has no numbers beyond 2^53.
  const value: unknown = JSON.parse(line);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Answer;
  throw new Error('expected an object');
}

function identityOf(hello: Hello): Identity {
  const capabilities = new Set([...hello.capabilities, 'node']);
  for (const capability of hello.capabilities) {
    for (const command of COMMANDS_OF.get(capability) ?? []) capabilities.add(`command:${command}`);
  }
  const homepage = hello.homepage === undefined ? '' : ` (${hello.homepage})`;
  return {
    program: `${basename(hello.name)} ${hello.version}${homepage}`,
    version: hello.version,
    capabilities,
    formats: new Set(['raw']),
  };
}

function asReply(result: object): Reply {
  if ('skipped' in result) {
    const { reason, link } = result as unknown as Skipped;
    throw new Declined(reason, link);
  }
  if (!('error' in result)) return { return: {} };
  const { error, message } = result as unknown as Failed;
  return { error: { class: 'GenericError', desc: message ?? error, id: error } };
}

/** What the adapter leaves out (the hash) is null; nothing is made up for it. */
function observation(bitmap: ObservedBitmap, size: number): BitmapObservation {
  const areas =
    bitmap.dirty?.map(([offset, length]) => ({ offset: Number(offset), length: Number(length) })) ?? null;
  return {
    name: bitmap.name,
    granularity: Number(bitmap.granularity),
    count: Number(bitmap.count),
    recording: bitmap.recording,
    busy: bitmap.busy,
    persistent: bitmap.persistent,
    inconsistent: bitmap.inconsistent,
    dirty: areas === null || size > LARGEST_MAPPED_DISK ? null : joinAreas(areas),
    sha256: bitmap.sha256 ?? null,
  };
}
