/** What a history reaches on the model: abstract states and transitions, as plain texts. */
import type { DirtyBitmap } from '../../../spec/bitmap/dirty-bitmap.js';
import type { Node } from '../../../spec/block/node.js';
import type { JsonObject } from '../../../spec/json/value.js';
import type { Action } from '../../case/case.js';
import type { Answer, ModelRun } from '../draw/model-run.js';

/** Something that a campaign should have met now and then, or its silence means little. */
export interface Goal {
  readonly name: string;
  /** a new watcher for every history: told each step after it was played, true once the goal is reached */
  watch(): (run: ModelRun, action: Action, answer: Answer) => boolean;
}

export class Reach {
  readonly states = new Set<string>();
  readonly goals = new Set<string>();
  readonly #watchers: { readonly name: string; readonly meets: ReturnType<Goal['watch']> }[];
  #subject = '';

  constructor(goals: readonly Goal[]) {
    this.#watchers = goals.map(({ name, watch }) => ({ name, meets: watch() }));
  }

  /** What the step is about, before it changes. */
  before(run: ModelRun, action: Action): void {
    this.#subject = action.verb === 'qmp' ? subjectOf(run, action.arguments) : '';
  }

  after(run: ModelRun, action: Action, answer: Answer): void {
    this.states.add(`${verbOf(action)}${this.#subject} → ${answer.ok ? 'ok' : answer.id}`);
    for (const { name, meets } of this.#watchers) if (meets(run, action, answer)) this.goals.add(name);
    for (const node of run.nodes) this.#addNode(node);
    for (const job of run.jobs) {
      this.states.add(`job ${job.driver.type} ${job.status}${job.isUserPaused ? ' paused' : ''}`);
    }
  }

  #addNode({ bitmaps, parents, driver, readOnly }: Node): void {
    for (const bitmap of bitmaps) this.states.add(bitmapState(bitmap));
    this.states.add(`node ${driver.name}${readOnly ? ' ro' : ''}, used as ${rolesOf(parents)}`);
  }
}

function rolesOf(parents: Node['parents']): string {
  if (parents.length === 0) return '-';
  if (parents.length === 1) return parents[0]!.role ?? '';
  return [...new Set(parents.map(({ role }) => role))].sort().join('+');
}

function verbOf(action: Action): string {
  if (action.verb === 'qmp') return action.command;
  return action.verb === 'io' ? action.request.op : action.verb;
}

/** The state of the bitmap that a command is about, or of its node. */
function subjectOf(run: ModelRun, args: JsonObject | undefined): string {
  if (args === undefined) return '';
  if (Array.isArray(args.actions)) {
    const kinds = args.actions.map((one) =>
      String((one as JsonObject).type).replace('block-dirty-bitmap-', ''),
    );
    return ` of ${[...new Set(kinds)].sort().join('+')}`;
  }
  const node = run.machine.graph.find(String(args.node ?? args['node-name'] ?? args.device ?? ''));
  if (node === undefined) return ' of nothing';
  const bitmap = node.bitmap(String(args.name ?? args.target ?? args.bitmap ?? ''));
  return bitmap === undefined ? ` of ${node.driver.name}` : ` of ${bitmapState(bitmap)}`;
}

/** Of every bitmap after every step, so without a list of its words. */
function bitmapState(bitmap: DirtyBitmap): string {
  const { count, size } = bitmap;
  let state = bitmap.name === null ? 'anonymous' : 'bitmap';
  state += bitmap.enabled ? ' enabled' : ' disabled';
  if (bitmap.busy) state += ' busy';
  if (bitmap.persistent) state += ' persistent';
  if (bitmap.inconsistent) state += ' inconsistent';
  if (bitmap.readonly) state += ' readonly';
  if (bitmap.successor !== null) state += ' succeeded';
  return state + (count === 0 ? ' clean' : count >= size ? ' full' : ' dirty');
}
