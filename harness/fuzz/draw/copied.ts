/**
 * Copies that keep a backing file. Whether such a copy has zeros of its own, where what is below shows zeros, too, is for the tool to
 * choose: nobody knows what it shows once something else is written there.
 */
import { isJsonObject } from '../../../spec/json/value.js';
import type { Action } from '../../case/case.js';
import { chainOf } from '../moves/tools/images.js';
import { commandLine } from '../moves/tools/words.js';
import type { ModelRun } from './model-run.js';

export class Copied {
  readonly #names = new Set<string>();

  /** After each step. */
  see(action: Action): void {
    if (action.verb !== 'img') return;
    const { command, options, names } = commandLine(action.words);
    const made = command === 'create' ? names[0] : command === 'convert' ? names.at(-1) : undefined;
    if (made === undefined) return;
    if (command === 'convert' && options.has('-B')) this.#names.add(made);
    else this.#names.delete(made);
  }

  /** Whether a step may change what such a copy stands on. */
  isChangedBy(run: ModelRun, action: Action): boolean {
    if (this.#names.size === 0) return false;
    const { changed, keeps } = changesOf(run, action);
    if (changed.length === 0) return false;
    return [...this.#names].some(
      (name) =>
        name !== keeps &&
        chainOf(run, name)
          .slice(1)
          .some((below) => changed.includes(below)),
    );
  }
}

/** Images that may show something else after a step, and the one that shows what it did whatever is below it. */
function changesOf(
  run: ModelRun,
  action: Action,
): { readonly changed: readonly string[]; readonly keeps?: string } {
  if (action.verb === 'create') return { changed: [action.file] };
  if (action.verb === 'image-io') {
    const isRead =
      action.image === null || action.commands.every((command) => /^(read|length)/.test(command));
    return { changed: isRead ? [] : [action.image!] };
  }
  if (action.verb === 'qmp' && action.command === 'blockdev-add') {
    const { file, 'read-only': isReadOnly } = action.arguments ?? {};
    const name = isJsonObject(file) && isReadOnly !== true ? file.filename : null;
    return { changed: typeof name === 'string' ? [name.replace(/^\$/, '')] : [] };
  }
  return action.verb === 'img' ? changesOfTool(run, action.words) : { changed: [] };
}

function changesOfTool(run: ModelRun, words: readonly string[]): ReturnType<typeof changesOf> {
  const { command, names } = commandLine(words);
  const [first, last] = [names[0], names.at(-1)];
  if (first === undefined || last === undefined) return { changed: [] };
  switch (command) {
    case 'create':
    case 'resize':
      return { changed: [first] };
    case 'convert':
      return { changed: [last] };
    case 'rebase':
      return { changed: words.includes('-u') ? [last] : [] };
    case 'commit':
      return { changed: chainOf(run, last).slice(1), ...(words.includes('-b') ? {} : { keeps: last }) };
    default:
      return { changed: [] };
  }
}
