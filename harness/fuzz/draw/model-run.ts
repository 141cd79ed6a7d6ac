/** A history on the model, step by step and without waiting: what makes up histories and what they reach stand on it. */
import type { Node } from '../../../spec/block/node.js';
import type { Job } from '../../../spec/job/job.js';
import { isJsonObject, type Json, type JsonObject } from '../../../spec/json/value.js';
import type { Machine } from '../../../spec/qmp/machine.js';
import { type Action, createdFiles, type Format } from '../../case/case.js';
import { mapStrings } from '../../case/play/json.js';
import { resolveSymbols } from '../../case/play/symbol.js';
import { FORMAT, toolCall } from '../../case/play/tool.js';
import { DIRECTORY, ReferenceModel } from '../../target/reference/model.js';
import { runReferenceTool } from '../../target/reference/tools.js';
import type { IoOutcome, Reply } from '../../target/target.js';
import { type Client, Clients } from './clients.js';
import { Copied } from './copied.js';
import { Holes } from './job/holes.js';
import { Mirrored } from './mirrored.js';
import { Undisturbed } from './undisturbed.js';

/** What the model made of a step: fine, or refused with the id of an error and its text, or an errno. */
export type Answer =
  | { readonly ok: true; readonly value: Json }
  | { readonly ok: false; readonly id: string; readonly desc?: string };

/** An event of the model. */
export interface Heard {
  readonly event: string;
  readonly data: JsonObject;
}

const FINE: Answer = { ok: true, value: null };

export class ModelRun {
  readonly format: Format;
  readonly model: ReferenceModel;
  readonly #files = new Set<string>();
  readonly #told = new Set<string>();
  #others: Heard[] = [];
  /** what mirrors have left, which is luck */
  readonly mirrored = new Mirrored();
  /** mirrors that have left nothing to luck yet */
  readonly undisturbed = new Undisturbed();
  /** what tools have chosen when they copied */
  readonly copied = new Copied();
  /** what guests have made zeros in parts of pages */
  readonly holes = new Holes();
  /** the nodes of the graph, and those of them that have a name */
  #listed: { readonly all: readonly Node[]; readonly named: readonly Node[] } = { all: [], named: [] };
  /** clients of exports */
  readonly clients = new Clients(() => this.machine);

  constructor(format: Format) {
    this.format = format;
    this.model = new ReferenceModel(format);
  }

  get machine(): Machine {
    return this.model.machine;
  }

  /** Nodes with a name that somebody gave, newest first. */
  get nodes(): readonly Node[] {
    const all = this.machine.graph.nodes;
    if (this.#listed.all !== all) {
      this.#listed = { all, named: all.filter(({ name }) => !name.startsWith('#')) };
    }
    return this.#listed.named;
  }

  get jobs(): readonly Job[] {
    return this.machine.jobs.all;
  }

  /** The client that has this connection, or had it. */
  client(connection: string): Client | undefined {
    return this.clients.find(connection);
  }

  /** Bytes of the disk that an overlay's file is, called as steps call it; null: there is none. */
  overlaySize(file: string): number | null {
    const args = ['info', '--output', 'json', '-U', '-f', this.model.formatDriver, this.#resolve(file)];
    const { code, stdout } = runReferenceTool(this.model.storage, DIRECTORY, {
      tool: 'img',
      args,
      input: '',
    });
    return code === 0 ? Number((JSON.parse(stdout) as JsonObject)['virtual-size']) : null;
  }

  /** @throws whatever the specification throws where it must not */
  play(action: Action): Answer {
    const answer = this.#perform(action.verb === 'either' ? action.action : action);
    this.#hear();
    this.undisturbed.see(this, action);
    this.mirrored.see(this);
    this.copied.see(action);
    this.holes.see(this, action);
    this.clients.see(action, answer.ok);
    return answer;
  }

  /** Lets jobs run until they rest. */
  settle(): void {
    this.machine.settle();
    this.#hear();
    this.undisturbed.see(this, null);
    this.mirrored.see(this);
  }

  /** The ids of jobs of which something was told since the last time, oldest first. */
  takeTold(): string[] {
    const told = [...this.#told];
    this.#told.clear();
    return told;
  }

  /** Plays a step, and keeps it if `isKept` of its answer: if not it is null, and nothing was told of jobs. */
  playIf(action: Action, isKept: (answer: Answer) => boolean): Answer | null {
    const before = [...this.#told];
    const answer = this.play(action);
    if (isKept(answer)) return answer;
    this.#told.clear();
    for (const id of before) this.#told.add(id);
    return null;
  }

  /** The events since the last time that are not about the state of a job, oldest first. */
  takeOthers(): Heard[] {
    const others = this.#others;
    this.#others = [];
    return others;
  }

  #hear(): void {
    for (const { event, data } of this.machine.takeEvents()) {
      if (event === 'JOB_STATUS_CHANGE') this.#told.add(String((data as JsonObject).id));
      else this.#others.push({ event: String(event), data: data as JsonObject });
    }
  }

  #perform(action: Exclude<Action, { verb: 'either' }>): Answer {
    switch (action.verb) {
      case 'create':
        this.#know(action);
        this.model.create(action.file, action.size);
        return FINE;
      case 'open': {
        this.#know(action);
        const { node, size, policy, backing, device, driver, readOnly, discard } = action;
        return answerOf(
          this.model.open(node, {
            ...(size === null ? { existing: true as const } : { size }),
            ...(policy === undefined ? {} : { policy }),
            ...(backing === undefined ? {} : { backing }),
            ...(device === undefined ? {} : { device }),
            driver,
            readOnly,
            discard,
          }),
        );
      }
      case 'drive':
        return answerOf(this.model.drive(action.id, action.readOnly));
      case 'qmp':
        // Most arguments name nothing but nodes and bitmaps: then there is nothing to find in them, and they are not copied.
        if (action.arguments === undefined || !hasSymbols(action.arguments)) {
          return answerOf(this.model.execute(action.command, action.arguments));
        }
        this.#know(action);
        return answerOf(this.model.execute(action.command, this.#resolved(action.arguments)));
      case 'io':
        return outcomeOf(this.model.io(action.node, action.request));
      case 'restart':
      case 'kill':
        this.model.restart(action.verb === 'kill' ? 'kill' : 'quit');
        return FINE;
      case 'wait':
        this.settle();
        return FINE;
      case 'img':
      case 'image-io': {
        this.#know(action);
        const call = toolCall(action, (text) => this.#resolve(text));
        const { code } = runReferenceTool(this.model.storage, DIRECTORY, call);
        return code === 0 ? FINE : { ok: false, id: `exit ${code}` };
      }
      case 'nbd':
        this.clients.act(action);
        return FINE;
      default:
        return FINE; // it only looks
    }
  }

  #know(action: Action): void {
    for (const file of createdFiles([{ line: 0, action }])) this.#files.add(file);
  }

  #resolve(text: string): string {
    const format = this.format === 'overlay' ? this.model.formatDriver : this.format;
    return resolveSymbols(text, this.#files, DIRECTORY).replaceAll(FORMAT, format);
  }

  #resolved(args: JsonObject): JsonObject {
    return mapStrings(args, (text) => this.#resolve(text)) as JsonObject;
  }
}

/** Whether any text may stand for something else, a file or the format. */
function hasSymbols(value: Json): boolean {
  if (typeof value === 'string') return value.includes('$') || value.includes(FORMAT);
  if (Array.isArray(value)) return value.some(hasSymbols);
  if (!isJsonObject(value)) return false;
  for (const name in value) if (hasSymbols(value[name]!)) return true;
  return false;
}

function answerOf(reply: Reply): Answer {
  return 'return' in reply
    ? { ok: true, value: reply.return }
    : { ok: false, id: reply.error.id ?? reply.error.class, desc: reply.error.desc };
}

function outcomeOf(outcome: IoOutcome): Answer {
  return 'errno' in outcome ? { ok: false, id: outcome.errno } : FINE;
}
