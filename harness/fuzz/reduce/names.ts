/** The names that a history gives to things: nodes, bitmaps, jobs, exports, files. */
import type { Step } from '../../case/case.js';
import { type Path, valuesIn, withTexts } from './tree.js';

export type NameKind = 'node' | 'bitmap' | 'job' | 'export' | 'file' | 'connection';

/** What a member's text names; where that depends on the command, {@link kindOf} knows. */
const KINDS: { readonly [member: string]: NameKind } = {
  node: 'node',
  'node-name': 'node',
  target: 'node',
  device: 'node',
  backing: 'node',
  overlay: 'node',
  'snapshot-node-name': 'node',
  'base-node': 'node',
  'top-node': 'node',
  bitmap: 'bitmap',
  bitmaps: 'bitmap',
  job: 'job',
  'job-id': 'job',
  file: 'file',
  connection: 'connection',
};

/** The names in steps, in order of appearance, with what they name first. */
export function namesIn(steps: readonly Step[]): Map<string, NameKind> {
  const names = new Map<string, NameKind>();
  for (const { action } of steps) {
    const act = action.verb === 'either' ? action.action : action;
    const command = act.verb === 'qmp' ? act.command : act.verb;
    for (const { path, value } of valuesIn(act)) {
      if (typeof value !== 'string' || value === '') continue;
      const kind = kindOf(path, typeOfAction(act, path) ?? command);
      if (kind !== undefined && !names.has(value)) names.set(value, kind);
    }
  }
  return names;
}

function kindOf(path: Path, command: string): NameKind | undefined {
  const members = path.filter((key): key is string => typeof key === 'string');
  const last = members.at(-1) ?? '';
  if (last === 'name' && command.startsWith('block-dirty-bitmap-')) return 'bitmap';
  if (last === 'target' && command.startsWith('block-dirty-bitmap-')) return 'bitmap';
  if (last === 'id' && /^(?:job-|block-job)/.test(command)) return 'job';
  if (last === 'id' && command.startsWith('block-export-')) return 'export';
  if (last === 'file' && members.length > 1 && command !== 'create') return 'node';
  return KINDS[last];
}

/** Of a place within an action of a transaction: the action's type. */
function typeOfAction(act: object, path: Path): string | undefined {
  const [args, actions, index] = path;
  if (args !== 'arguments' || actions !== 'actions' || typeof index !== 'number') return undefined;
  const list = (act as { arguments?: { actions?: unknown } }).arguments?.actions;
  const one: unknown = Array.isArray(list) ? list[index] : undefined;
  return typeof one === 'object' && one !== null ? String((one as { type?: unknown }).type) : undefined;
}

const WORD = /[A-Za-z0-9_#-]+/g;

/** Steps in which every name that `map` knows is another one, also as a part of a text: `$disk.img`. */
export function renamed(steps: readonly Step[], map: ReadonlyMap<string, string>): Step[] {
  return steps.map((step) =>
    withTexts(step, (text) => map.get(text) ?? text.replace(WORD, (word) => map.get(word) ?? word)),
  );
}

/** Whether a step speaks of a name. */
export function mentions(step: Step, name: string): boolean {
  for (const { value } of valuesIn(step.action)) {
    if (typeof value !== 'string') continue;
    if (value === name || value.match(WORD)?.includes(name) === true) return true;
  }
  return false;
}

const PREFIX: { readonly [kind in NameKind]: string } = {
  node: 'disk',
  bitmap: 'b',
  job: 'j',
  export: 'e',
  file: 'f',
  connection: 'c',
};

/** Plain names in order of appearance: disk, disk1, b0, b1, j0, … */
export function plainNames(steps: readonly Step[]): Map<string, string> {
  const counts = new Map<NameKind, number>();
  const map = new Map<string, string>();
  for (const [name, kind] of namesIn(steps)) {
    // What begins so is a name that the implementation gave, or a file of the case.
    if (/[#$/{]/.test(name)) continue;
    const count = counts.get(kind) ?? 0;
    counts.set(kind, count + 1);
    map.set(name, kind === 'node' && count === 0 ? 'disk' : `${PREFIX[kind]}${count}`);
  }
  return map;
}
