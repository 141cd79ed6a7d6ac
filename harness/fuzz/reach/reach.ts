/** What a history reaches on the model: abstract states and transitions, as plain texts. */
import type { DirtyBitmap } from '../../../spec/bitmap/dirty-bitmap.js';
import type { Node } from '../../../spec/block/node.js';
import type { JsonObject } from '../../../spec/json/value.js';
import type { Action } from '../../case/case.js';
import { nameIn } from '../commands.js';
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
  /** of each node what was last noted of it: most steps change nothing of most nodes */
  readonly #noted = new WeakMap<Node, { readonly isReadOnly: boolean; readonly roles: string }>();
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
    const { bitmaps, driver, readOnly: isReadOnly } = node;
    for (const bitmap of bitmaps) this.states.add(bitmapState(bitmap));
    const roles = rolesOf(node.parents);
    const noted = this.#noted.get(node);
    if (noted?.isReadOnly === isReadOnly && noted.roles === roles) return;
    this.#noted.set(node, { isReadOnly, roles });
    this.states.add(`node ${driver.name}${isReadOnly ? ' ro' : ''}, used as ${roles}`);
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
  const { name: named, target, bitmap: own } = args;
  const bitmap = node.bitmap(nameIn(named ?? target ?? own));
  return bitmap === undefined ? ` of ${node.driver.name}` : ` of ${bitmapState(bitmap)}`;
}

/** What is said of a bitmap, in this order: one word of each pair. */
const WORDS = [
  ['bitmap', 'anonymous'],
  ['enabled', 'disabled'],
  ['', 'busy'],
  ['', 'persistent'],
  ['', 'inconsistent'],
  ['', 'readonly'],
  ['', 'succeeded'],
  ['', 'clean'],
  ['', 'full'],
  ['', 'dirty'],
] as const;

/** The texts by the bits that choose their words: made once, for they are needed of every bitmap after every step. */
const STATES: string[] = [];

function bitmapState(bitmap: DirtyBitmap): string {
  const { count, size } = bitmap;
  let chosen = count === 0 ? 128 : count >= size ? 256 : 512;
  if (bitmap.name === null) chosen |= 1;
  if (!bitmap.enabled) chosen |= 2;
  if (bitmap.busy) chosen |= 4;
  if (bitmap.persistent) chosen |= 8;
  if (bitmap.inconsistent) chosen |= 16;
  if (bitmap.readonly) chosen |= 32;
  if (bitmap.successor !== null) chosen |= 64;
  STATES[chosen] ??= WORDS.map((pair, bit) => pair[(chosen >> bit) & 1]!)
    .filter((word) => word !== '')
    .join(' ');
  return STATES[chosen]!;
}
