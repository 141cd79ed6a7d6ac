/** The steps that run image tools: what is asked, and the answers as transcripts show them. */
import { Declined, type Session, type ToolOutcome, type ToolPart } from '../../target/target.js';
import type { ToolAction } from '../case.js';
import { sortFilenames } from './json.js';
import { printable } from './printable.js';
import { resolveSymbols, restoreSymbols } from './symbol.js';
import { wordsText, wordText } from './words.js';

/** Stands in cases for what the target calls the format under test. */
export const FORMAT = '{format}';

/** `img commit -b base top`; or `image-io top, -r`, then the commands: after `|` if given with `-c`, else after `>`. */
export function toolLines(action: ToolAction): string[] {
  if (action.verb === 'img') return [`img ${wordsText(action.words)}`];
  const { image, options, commands, by } = action;
  const subject = image === null ? '' : ` ${wordText(image)}`;
  const how = options.length === 0 ? '' : `, ${wordsText(options)}`;
  const mark = by === 'option' ? '|' : '>';
  return [
    `image-io${subject}${how}`,
    ...commands.map((command) => `${mark} ${printable(command)}`.trimEnd()),
  ];
}

/** Runs the tool and gives the lines of its answer. Rejects with what the tool part rejects with. */
export async function performTool(
  action: ToolAction,
  session: Session,
  files: ReadonlySet<string>,
  within: <T>(request: Promise<T>) => Promise<T>,
): Promise<string[]> {
  const { tools, directory } = session;
  if (tools === undefined) throw new Declined('the target has no image tools');
  const resolve = (text: string): string =>
    resolveSymbols(text, files, directory).replaceAll(FORMAT, tools.formatName);
  const { tool, args, input } = toolCall(action, resolve);
  return outcomeLines(await within(tools.run(tool, args, input)), tools, directory);
}

/** A tool with its words, and what it finds on standard input. */
export interface ToolCall {
  readonly tool: 'img' | 'io';
  readonly args: readonly string[];
  readonly input: string;
}

/** @param resolve what stands for symbols and `{format}` in a word */
export function toolCall(action: ToolAction, resolve: (text: string) => string): ToolCall {
  if (action.verb === 'img') return { tool: 'img', args: action.words.map(resolve), input: '' };
  const commands = action.commands.map(resolve);
  const isTyped = action.by === 'stdin';
  const args = [
    ...openingOf(action).map(resolve),
    ...(isTyped ? [] : commands.flatMap((command) => ['-c', command])),
    ...(action.image === null ? [] : [resolve(action.image)]),
  ];
  return { tool: 'io', args, input: isTyped ? commands.map((command) => `${command}\n`).join('') : '' };
}

/** The options, with that of the format where neither they nor the name say how the image is to be opened. */
function openingOf({ image, options }: Extract<ToolAction, { verb: 'image-io' }>): readonly string[] {
  const saysHow = options.some((option) => /^(-f|--format|--image-opts)/.test(option));
  return image === null || image.startsWith('json:') || saysHow ? options : ['-f', FORMAT, ...options];
}

/** Standard output, standard error after `!`, and the exit code if it is not 0. */
function outcomeLines(
  { code, stdout, stderr }: ToolOutcome,
  tools: ToolPart,
  directory: string | null,
): string[] {
  const lines = (text: string, prefix: string): string[] =>
    splitLines(text).map((line) => `${prefix}${printable(shown(line, tools, directory))}`.trimEnd());
  return [...lines(stdout, '   '), ...lines(stderr, '   ! '), ...(code === 0 ? [] : [`   exit ${code}`])];
}

/** A terminal goes back to the start of the line at `\r` and writes over it: what follows is a line of its own. */
export function splitLines(text: string): string[] {
  const lines = text.split(/\r?\n|\r/);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

function shown(line: string, tools: ToolPart, directory: string | null): string {
  return restoreFormat(sortFilenames(restoreSymbols(line, directory)), tools.formatName);
}

/** Where the tools print the name of a format; what stands before and after it. */
const FORMAT_PLACES = [
  /((?:^|[ ,])(?:backing_)?fmt=)([^\s,]+)()/g,
  /(format: )(\S+)($)/g,
  /(\\"driver\\": \\")([^"\\]+)(\\")/g,
  /("(?:format|driver|drv|type|backing-filename-format)": ")([^"]+)(")/g,
  /(in )(\S+)( format)/g,
  /(error while converting )(\S+)(:)/g,
  /(Detected format of )(\S+)(\.)/g,
  /((?:[Dd]river|[Ff]ormat) ')([^']+)(')/g,
];

/** `{format}` for the name of the format under test, where it is one: a file may be called so, too. */
export function restoreFormat(line: string, formatName: string): string {
  let text = line;
  for (const place of FORMAT_PLACES) {
    text = text.replace(place, (whole, before: string, name: string, after: string) =>
      name === formatName ? `${before}${FORMAT}${after}` : whole,
    );
  }
  return text;
}
