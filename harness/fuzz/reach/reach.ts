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

  #addNode(node: Node): void {
    for (const bitmap of node.bitmaps) this.states.add(bitmapState(bitmap));
    const parents = node.parents.map(({ role }) => role);
    const how = `${node.driver.name}${node.readOnly ? ' ro' : ''}`;
    this.states.add(
      `node ${how}, used as ${parents.length === 0 ? '-' : [...new Set(parents)].sort().join('+')}`,
    );
  }
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

function bitmapState(bitmap: DirtyBitmap): string {
  const flags = [
    bitmap.name === null ? 'anonymous' : 'bitmap',
    bitmap.enabled ? 'enabled' : 'disabled',
    bitmap.busy ? 'busy' : '',
    bitmap.persistent ? 'persistent' : '',
    bitmap.inconsistent ? 'inconsistent' : '',
    bitmap.readonly ? 'readonly' : '',
    bitmap.successor === null ? '' : 'succeeded',
    bitmap.count === 0 ? 'clean' : bitmap.count >= bitmap.size ? 'full' : 'dirty',
  ];
  return flags.filter((flag) => flag !== '').join(' ');
}
