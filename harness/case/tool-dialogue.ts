/** The reverse of what a transcript says of the steps that run image tools. */
import { splitCommand } from '../target/shell-words.js';
import type { ToolAction } from './case.js';

/** `text` has the lines of the question, for `image-io` with its commands. Null if it is none about tools. */
export function parseToolQuestion(text: string): ToolAction | null {
  const img = /^img (.+)$/.exec(text);
  if (img !== null) return { verb: 'img', words: splitCommand(img[1]!) };
  const [head, ...commands] = text.split('\n');
  const io = /^image-io(?: ('(?:[^']|'\\'')*'|[^ ,]\S*?))?(?:, (-.+))?$/.exec(head!);
  if (io === null || commands.length === 0) return null;
  return {
    verb: 'image-io',
    image: io[1] === undefined ? null : splitCommand(io[1])[0]!,
    options: io[2] === undefined ? [] : splitCommand(io[2]),
    commands: commands.map((line) => line.replace(/^[|>] ?/, '')),
    by: commands[0]!.startsWith('|') ? 'option' : 'stdin',
  };
}
