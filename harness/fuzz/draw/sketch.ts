/** A history while it is made up: its steps so far, and the model in the state to which they have brought it. */
import type { Node } from '../../../spec/block/node.js';
import { type Json, type JsonObject, jsonObject } from '../../../spec/json/value.js';
import type { Action, Format, Step } from '../../case/case.js';
import { requirementsOf } from '../../case/requires.js';
import type { IoRequest } from '../../target/target.js';
import type { Trigger } from '../known/trigger.js';
import { type Goal, Reach } from '../reach/reach.js';
import type { Draw } from './draw.js';
import { isLuck, isLuckyRefusal } from './luck.js';
import { type Answer, ModelRun } from './model-run.js';

/** Bits of all bitmaps of a history: more of them take memory and time, and find nothing more. */
export const MOST_BITS = 2 ** 28;

export interface SketchOptions {
  readonly format: Format;
  /** what is to be left out */
  readonly known: readonly Trigger[];
  readonly goals: readonly Goal[];
  /** what the target can do; null: whatever there is */
  readonly capabilities: ReadonlySet<string> | null;
}

export class Sketch {
  readonly draw: Draw;
  readonly run: ModelRun;
  readonly reach: Reach;
  readonly steps: Step[] = [];
  /** steps that a property leaves out whatever the target is */
  shun: ((run: ModelRun, action: Action) => boolean) | null = null;
  /** what the model threw, which it must not: the last step has brought it about */
  fault: unknown = null;
  readonly #known: readonly Trigger[];
  /** ids of jobs whose progress is luck */
  readonly #following = new Set<string>();
  readonly #capabilities: ReadonlySet<string> | null;
  #made = 0;

  constructor(draw: Draw, { format, known, goals, capabilities }: SketchOptions) {
    this.draw = draw;
    this.#capabilities = capabilities;
    this.reach = new Reach(goals);
    this.run = new ModelRun(format);
    this.#known = known;
  }

  get format(): Format {
    return this.run.format;
  }

  /** Whether the target has a capability. */
  can(capability: string): boolean {
    return this.#capabilities?.has(capability) ?? true;
  }

  /** Whether the step would be left out, whatever it is answered. */
  goesAround(action: Action): boolean {
    if (this.#lacks(action) || this.#isTooLarge(action) || this.shun?.(this.run, action) === true)
      return true;
    return isLuck(this.run, action) || this.#known.some(({ before }) => before?.(this.run, action) === true);
  }

  /** Plays a step on the model and writes it down; null if it was left out. */
  play(action: Action): Answer | null {
    if (this.goesAround(action)) return null;
    this.reach.before(this.run, action);
    let answer: Answer | null;
    try {
      answer = this.run.playIf(action, (said) => said.ok || !this.#isLeftOut(action, said));
    } catch (error) {
      this.steps.push({ line: 0, action });
      this.fault = error;
      throw error;
    }
    if (answer === null) return null;
    this.steps.push({ line: 0, action });
    this.reach.after(this.run, action, answer);
    return answer;
  }

  #isLeftOut(action: Action, answer: Answer & { readonly ok: false }): boolean {
    const isKnown = this.#known.some(({ refused }) => refused?.(this.run, action, answer) === true);
    return isKnown || isLuckyRefusal(this.run, action, answer);
  }

  qmp(command: string, args?: { readonly [name: string]: Json | undefined }): Answer | null {
    return this.play(qmpAction(command, args));
  }

  io(node: string, request: IoRequest): Answer | null {
    return this.play({ verb: 'io', node, request });
  }

  observe(node: string): void {
    this.play({ verb: 'observe', node });
  }

  /** A name that nothing has had. */
  fresh(prefix: string): string {
    return `${prefix}${this.#made++}`;
  }

  /** A node by its name. */
  node(name: string): Node | undefined {
    return this.run.machine.graph.find(name);
  }

  /** Nodes of disks: those with a name, without the files below them. */
  get disks(): readonly Node[] {
    return this.run.nodes.filter(({ name }) => !name.endsWith('-file'));
  }

  /** How far the job gets is luck: it may be ended by another one of its group. */
  expectLuck(id: string): void {
    this.#following.add(id);
  }

  /**
   * Brings every job to rest, and waits for the state in which it is then.
   * @param any members of events that are luck
   */
  rest(any: readonly string[] = []): void {
    const { run } = this;
    // What was written beside a copy that is whole is copied in any number of pieces.
    for (const { id, status } of run.jobs) if (status === 'ready') this.#following.add(id);
    const before = run.jobs;
    try {
      run.settle();
    } catch (error) {
      this.fault = error;
      throw error;
    }
    // What is on its way while another piece fails counts, or does not; and pieces end where a format has stored them apart.
    for (const { id, error, driver } of before)
      if (error !== null && /^(mirror|stream|commit)$/.test(driver.type)) this.#following.add(id);
    for (const id of run.takeTold()) {
      const job = run.jobs.find((one) => one.id === id);
      if (job?.status === 'paused') this.#following.add(id);
      const state = job?.status ?? 'null';
      const own = job ?? before.find((one) => one.id === id);
      // How far a job gets that is ended while it is paused depends on what it had begun.
      const isLuck = own === undefined || !run.undisturbed.has(own);
      const luck = isLuck ? (this.#following.has(id) ? ['len', 'offset'] : any) : [];
      // One that goes on until somebody ends it has no state to wait for.
      if (state !== 'running') this.play({ verb: 'wait', any: luck, job: id, state });
    }
    run.takeTold();
  }

  /** One step that the target cannot play leaves all the others. */
  #lacks(action: Action): boolean {
    const capabilities = this.#capabilities;
    if (capabilities === null) return false;
    for (const needed of requirementsOf(action)) if (!capabilities.has(needed)) return true;
    return false;
  }

  #isTooLarge(action: Action): boolean {
    if (action.verb !== 'qmp') return false;
    const bits = (size: number): number => {
      let sum = 0;
      for (const node of this.run.machine.graph.nodes) {
        for (const bitmap of node.bitmaps) sum += Math.max(size, bitmap.size) / bitmap.granularity;
      }
      return sum;
    };
    const { command, arguments: args } = action;
    if (command === 'block_resize') return bits(Number(args?.size)) > MOST_BITS;
    if (command !== 'block-dirty-bitmap-add') return false;
    const size = this.node(String(args?.node))?.size ?? 0;
    const granularity = Number(args?.granularity ?? 65536);
    return bits(0) + size / Math.max(512, granularity) > MOST_BITS;
  }
}

/** A step of a command, without those arguments that are undefined. */
export function qmpAction(
  command: string,
  args?: { readonly [name: string]: Json | undefined },
): Extract<Action, { verb: 'qmp' }> {
  return { verb: 'qmp', command, arguments: args === undefined ? undefined : members(args) };
}

/** An object of those members that are there. */
export function members(from: { readonly [name: string]: Json | undefined }): JsonObject {
  const object = jsonObject();
  for (const [name, value] of Object.entries(from)) if (value !== undefined) object[name] = value;
  return object;
}
