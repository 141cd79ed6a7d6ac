/** Goals about image tools: what a campaign of them should have done to images now and then. */
import type { Action } from '../../case/case.js';
import type { Answer, ModelRun } from '../draw/model-run.js';
import { contentOf, imageOf } from '../moves/tools/images.js';
import { goal } from './job-goals.js';
import type { Goal } from './reach.js';

/** A step of the image tool with this command that went well, and its words. */
function done(action: Action, answer: Answer, command: string): readonly string[] | null {
  return answer.ok && action.verb === 'img' && action.words[0] === command ? action.words : null;
}

function argumentOf(words: readonly string[], option: string): string | undefined {
  const at = words.indexOf(option);
  return at === -1 ? undefined : words[at + 1];
}

/** How many images are below one. */
function depthOf(run: ModelRun, name: string): number {
  let depth = 0;
  for (let next = imageOf(run, name); next?.backing != null && depth < 9; depth++)
    next = imageOf(run, next.backing);
  return depth;
}

/** A tool works on an image after the server has been killed. */
function afterKill(): Goal {
  return {
    name: 'a tool on an image whose bitmaps are inconsistent',
    watch: () => {
      let isKilled = false;
      return (_, action, answer) => {
        if (action.verb === 'kill') isKilled = true;
        return isKilled && done(action, answer, 'bitmap') !== null;
      };
    },
  };
}

/** Zeros that hide what the image below shows are committed into it. */
function hidingCommitted(): Goal {
  return {
    name: 'zeros over what is below are committed',
    watch: () => {
      const hiding = new Set<string>();
      return (run, action, answer) => {
        if (action.verb === 'image-io' && action.image !== null && hides(run, action.image, action.commands))
          hiding.add(action.image);
        const committed = done(action, answer, 'commit')?.at(-1);
        return committed !== undefined && hiding.has(committed);
      };
    },
  };
}

/** Whether one of these requests has written zeros where the image below shows something else. */
function hides(run: ModelRun, name: string, commands: readonly string[]): boolean {
  const zeros = commands.filter((command) => command.startsWith('write -z'));
  const backing = zeros.length === 0 ? null : imageOf(run, name)?.backing;
  const below = backing == null ? null : imageOf(run, backing);
  const runs = (below === null ? null : contentOf(run, below)) ?? [];
  return zeros.some((command) => {
    const [start = 0, length = 0] = command.split(' ').slice(-2).map(Number);
    return runs.some(
      (one) => one.pattern !== 0 && one.offset < start + length && start < one.offset + one.length,
    );
  });
}

export const TOOL_GOALS: readonly Goal[] = [
  goal('a commit over an image between', (_, action, answer) => {
    const words = done(action, answer, 'commit');
    return words?.includes('-b') === true;
  }),
  goal('a commit into a smaller image', (run, action, answer) => {
    const words = done(action, answer, 'commit');
    const top = words === null ? null : imageOf(run, words.at(-1)!);
    const base = top?.backing == null ? null : imageOf(run, top.backing);
    return base !== null && top !== null && base.size >= top.size && base.size % 65536 !== 0;
  }),
  hidingCommitted(),
  goal('a copy into an image that is there', (_, action, answer) => {
    return done(action, answer, 'convert')?.includes('-n') === true;
  }),
  goal('a rebase that copies onto an image of another size', (run, action, answer) => {
    const words = done(action, answer, 'rebase');
    if (words === null || words.includes('-u')) return false;
    const [top, base] = [imageOf(run, words.at(-1)!), imageOf(run, argumentOf(words, '-b') ?? '')];
    return top !== null && base !== null && top.size !== base.size;
  }),
  goal('a copy that keeps a backing file', (_, action, answer) => {
    return done(action, answer, 'convert')?.includes('-B') === true;
  }),
  goal('a copy with bitmaps', (_, action, answer) => {
    return done(action, answer, 'convert')?.includes('--bitmaps') === true;
  }),
  goal('a chain of four', (run, action, answer) => {
    return done(action, answer, 'create')?.includes('-b') === true && depthOf(run, nameIn(action)) >= 3;
  }),
  goal('a merge from another file', (_, action, answer) => {
    return done(action, answer, 'bitmap')?.includes('-b') === true;
  }),
  goal('a copy that fails half-way', (_, action, answer) => {
    return !answer.ok && action.verb === 'img' && action.words.some((word) => word.includes('inject-error'));
  }),
  afterKill(),
  goal('a tool is refused an image that a server has', (run, action, answer) => {
    return !answer.ok && action.verb === 'img' && run.machine.graph.nodes.length > 0;
  }),
  goal('a tool changes an image beside a server', (run, action, answer) => {
    const words = done(action, answer, 'bitmap') ?? done(action, answer, 'rebase');
    return words !== null && run.machine.graph.nodes.length > 0;
  }),
];

/** The image that `create` makes. */
function nameIn(action: Action): string {
  if (action.verb !== 'img') return '';
  const name = action.words.findLast((word) => /^\$?img\d+$/.test(word)) ?? '';
  return name.replace(/^\$/, '');
}
