/** `bitmap`: the persistent dirty bitmaps of an image, changed one action after the other. IMG-014 */
import type { Node } from '../../../block/node.js';
import { type JsonObject, jsonObject } from '../../../json/value.js';
import { QmpError } from '../../../qmp/errors.js';
import { optionsOf, readingFlags, sizeArgument } from '../common.js';
import { type Context, hintOf, ImgError, PROGRAM, writing } from '../context.js';

const SPEC = {
  short: 'b:f:F:g:h',
  long: [
    'help=h',
    'object:',
    'image-opts',
    'add',
    'remove',
    'clear',
    'enable',
    'disable',
    'merge:',
    'source-file=b',
    'source-format=F',
    'granularity=g',
  ],
};
const ACTIONS: readonly string[] = ['add', 'remove', 'clear', 'enable', 'disable', 'merge'];

export function bitmap(context: Context, argv: readonly string[]): number {
  const options = optionsOf(argv, SPEC);
  const actions = options.given.filter(([name]) => ACTIONS.includes(name));
  const has = (action: string): boolean => actions.some(([name]) => name === action);
  const granularity = options.value('g');
  // 0 is as if it had not been said.
  const bytes = (granularity !== undefined && sizeArgument(granularity, 'granularity')) || undefined;
  const source = options.value('b');
  if (options.rest.length !== 2) throw new ImgError('Expecting filename and bitmap name');
  if (actions.length === 0)
    throw new ImgError('Need at least one of --add, --remove, --clear, --enable, --disable, or --merge');
  if (bytes !== undefined && !has('add')) throw new ImgError('granularity only supported with --add');
  if (options.has('F') && source === undefined) throw new ImgError('-F only supported with -b');
  if (source !== undefined && !has('merge'))
    throw new ImgError('Merge bitmap source file only supported with --merge');
  const [file, name] = options.rest as [string, string];
  const { format, isOptions } = readingFlags(options);
  // What is below them is of no matter: it may be in use, or not there, and below the source it may be the image itself.
  const node = context.open(file, {
    format,
    isOptions,
    write: true,
    noBacking: true,
    options: writing(),
  });
  const from =
    source === undefined ? node : context.open(source, { format: options.value('F'), noBacking: true });
  for (const [action, value] of actions) {
    try {
      act(context, { node, from, name, granularity: bytes }, action, value);
    } catch (error) {
      if (!(error instanceof QmpError)) throw error;
      throw new ImgError(`Operation ${action} on bitmap ${name} failed: ${error.message}`, 1, hintOf(error));
    }
  }
  context.close(node);
  return 0;
}

interface Target {
  readonly node: Node;
  readonly from: Node;
  readonly name: string;
  readonly granularity: number | undefined;
}

/** @throws QmpError */
function act(
  context: Context,
  { node, from, name, granularity }: Target,
  action: string,
  source: string,
): void {
  const at = { node: node.name, name };
  if (action === 'add') {
    const given = granularity === undefined ? {} : { granularity };
    run(context, 'add', jsonObject({ ...at, ...given, persistent: true }));
  } else if (action === 'merge') {
    const bitmaps = [jsonObject({ node: from.name, name: source })];
    run(context, 'merge', jsonObject({ node: node.name, target: name, bitmaps }));
  } else run(context, action, jsonObject(at));
}

function run(context: Context, action: string, args: JsonObject): void {
  context.machine.execute({ name: `block-dirty-bitmap-${action}`, arguments: args });
}

/** Whether the bitmaps of `from` can be copied, which is asked before anything is made. @throws ImgError */
export function checkBitmapsOf(from: Node): void {
  const broken = from.bitmaps.find(({ name, inconsistent }) => name !== null && inconsistent);
  if (broken === undefined) return;
  const hint = `Try --skip-broken-bitmaps, or use '${PROGRAM} bitmap --remove' to delete it`;
  throw new ImgError(`Cannot copy inconsistent bitmap '${broken.name}'`, 1, hint);
}

/** All named bitmaps of `from`, with their content, to `to`, but those that are inconsistent. @throws ImgError */
export function copyBitmaps(context: Context, from: Node, to: Node): void {
  for (const { name, inconsistent, granularity, recording, persistent } of from.bitmaps) {
    if (name === null || !persistent) continue;
    if (inconsistent) {
      context.complain(`warning: Skipping inconsistent bitmap '${name}'`);
      continue;
    }
    const at = { node: to.name, name };
    const bitmaps = [jsonObject({ node: from.name, name })];
    try {
      run(context, 'add', jsonObject({ ...at, granularity, persistent: true, disabled: true }));
      run(context, 'merge', jsonObject({ node: to.name, target: name, bitmaps }));
      if (recording) run(context, 'enable', jsonObject(at));
    } catch (error) {
      if (!(error instanceof QmpError)) throw error;
      throw new ImgError(`Failed to populate bitmap ${name}: ${error.message}`);
    }
  }
}
