/** Mistakes of image tools: each says that all is well. */

import { QbmDriver } from '../../../../spec/block/drivers/qbm.js';
import { ReferenceTools } from '../../../target/reference/tools.js';
import type { ToolOutcome } from '../../../target/target.js';
import { CLUSTER } from '../../draw/edges.js';
import type { Mistake } from '../mistake.js';
import { patch, type Undo } from '../patch.js';

type Run = (args: readonly string[]) => Promise<ToolOutcome>;

/** What a command of the image tool does besides, or instead. */
function onTool(command: string, change: (args: readonly string[], go: Run) => Promise<ToolOutcome>) {
  return (): Undo =>
    patch(
      ReferenceTools.prototype,
      'run',
      (run) =>
        function (this: ReferenceTools, tool: 'img' | 'io', args: readonly string[], input: string) {
          const go: Run = (words) => run.call(this, tool, words, input);
          return tool === 'img' && args[0] === command ? change(args, go) : go(args);
        },
    );
}

/** With parts of the reference that do something else until the tool has ended, which it has before its promise is there. */
function meanwhile(plant: () => Undo): (args: readonly string[], go: Run) => Promise<ToolOutcome> {
  return (args, go) => {
    const undo = plant();
    try {
      return go(args);
    } finally {
      undo();
    }
  };
}

/** Writes that end where the image does, in the midst of a cluster, end before that cluster. */
function withoutTail(): Undo {
  return patch(
    QbmDriver.prototype,
    'write',
    (write) =>
      function (this: QbmDriver, offset: number, bytes: Uint8Array) {
        const end = offset + bytes.length;
        const isTail = end === this.length() && end % CLUSTER !== 0;
        const kept = isTail ? Math.max(0, bytes.length - (end % CLUSTER)) : bytes.length;
        if (kept > 0) write.call(this, offset, bytes.subarray(0, kept));
      },
  );
}

/** The words without an option and its value. */
function without(args: readonly string[], ...options: string[]): string[] {
  return args.filter((word, at) => !options.includes(word) && !options.includes(args[at - 1] ?? ''));
}

export const TOOL_MISTAKES: readonly Mistake[] = [
  {
    name: 'a copy forgets the last cluster of an image that ends within it',
    part: 'tools',
    like: 'P2',
    plant: onTool('convert', meanwhile(withoutTail)),
  },
  {
    name: 'a commit leaves out zeros',
    part: 'tools',
    like: '5279efebcf',
    plant: onTool(
      'commit',
      meanwhile(() => patch(QbmDriver.prototype, 'zero', () => () => {})),
    ),
  },
  {
    name: 'a copy into an image that is there leaves out zeros',
    part: 'tools',
    like: 'cdf3bc934a',
    plant: onTool('convert', (args, go) => {
      const isOver = args.includes('-n') && !args.includes('-B');
      return go(isOver ? [args[0]!, '--target-is-zero', ...args.slice(1)] : args);
    }),
  },
  {
    name: 'a rebase changes the name alone',
    part: 'tools',
    like: 'P5',
    plant: onTool('rebase', (args, go) => go([args[0]!, '-u', ...args.slice(1)])),
  },
  {
    name: 'a merge takes the bitmap of the image itself in the place of that of another file',
    part: 'tools',
    like: '14f16bf947',
    plant: onTool('bitmap', (args, go) => go(without(args, '-b', '-F'))),
  },
  {
    name: 'a copy that failed ends with 0',
    part: 'tools',
    like: 'convert --target-is-zero',
    plant: onTool('convert', async (args, go) => ({ ...(await go(args)), code: 0 })),
  },
];
