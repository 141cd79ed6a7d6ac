/** Goals about stored images. */
import type { Action } from '../../case/case.js';
import { goal } from './job-goals.js';
import type { Goal } from './reach.js';

/** The first look at files after a step that one is waiting for. */
function lookAfter(name: string, meets: (action: Action) => boolean): Goal {
  return {
    name,
    watch: () => {
      let isMet = false;
      return (_, action) => {
        if (meets(action)) isMet = true;
        return isMet && action.verb === 'bytes';
      };
    },
  };
}

function textOf(action: Action): string {
  return action.verb === 'file' && action.content.kind === 'text' ? action.content.text : '';
}

export const FORMAT_GOALS: readonly Goal[] = [
  lookAfter('files after a crash', ({ verb }) => verb === 'kill'),
  lookAfter('files after a good end', ({ verb }) => verb === 'restart'),
  lookAfter('files after a resize', (action) => action.verb === 'qmp' && action.command === 'block_resize'),
  goal('a reader of an image that is in use', (_, action) => textOf(action).includes('in-use')),
  goal('a reader of an image with two bitmaps', (_, action) => {
    return (textOf(action).match(/"granularity-bytes"/g) ?? []).length > 1;
  }),
  goal('a descriptor that is torn', (_, action) => {
    const text = textOf(action);
    if (text === '') return false;
    try {
      JSON.parse(text);
      return false;
    } catch {
      return true;
    }
  }),
  goal('a check that repairs', (_, action) => action.verb === 'check' && action.repair),
];
