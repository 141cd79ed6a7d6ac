/** `qbm img`: qemu-img's commands, options, output and exit codes, for raw and qbm. IMG-012 */

import { RequestError } from '../../block/request-error.js';
import { Refusal } from '../../refusal.js';
import { StorageError } from '../../storage/storage.js';
import { OpenImageError } from '../open-error.js';
import type { ToolWorld } from '../tool.js';
import { usage } from './arguments.js';
import { bitmap } from './commands/bitmap.js';
import { check } from './commands/check.js';
import { commit } from './commands/commit.js';
import { compare } from './commands/compare.js';
import { convert } from './commands/convert.js';
import { create } from './commands/create.js';
import { info } from './commands/info.js';
import { map } from './commands/map.js';
import { rebase } from './commands/rebase.js';
import { resize } from './commands/resize.js';
import { HelpAsked } from './common.js';
import { Context, ImgError, PROGRAM, reasonOf } from './context.js';
import { HELP, VERSION } from './help.js';

type Command = (context: Context, argv: readonly string[]) => number;

const COMMANDS: ReadonlyMap<string, Command> = new Map([
  ['bitmap', bitmap],
  ['check', check],
  ['commit', commit],
  ['compare', compare],
  ['convert', convert],
  ['create', create],
  ['info', info],
  ['map', map],
  ['rebase', rebase],
  ['resize', resize],
]);

/** The commands there are. */
export const IMG_COMMANDS: readonly string[] = [...COMMANDS.keys()];

/** What qemu-img has beside these: for other formats, or a measurement. */
const ABSENT = ['amend', 'bench', 'dd', 'measure', 'snapshot'];

/** Runs one command line, without the name of the program. Returns the exit code; never throws for what a user does. */
export function runImg(argv: readonly string[], world: ToolWorld): number {
  const context = new Context(world);
  let code = guarded(context, () => dispatch(context, argv));
  // Images are closed by an orderly end, and what fails then was not stored.
  const closing = guarded(context, () => {
    context.machine.shutDown();
    return 0;
  });
  if (code === 0) code = closing;
  return code;
}

function dispatch(context: Context, argv: readonly string[]): number {
  const [name, ...rest] = argv;
  if (name === undefined) throw usage('Not enough arguments');
  if (['-h', '--help'].includes(name)) throw new HelpAsked();
  if (['-V', '--version'].includes(name)) {
    context.print(VERSION);
    return 0;
  }
  if (name.startsWith('-')) throw usage(`unrecognized option '${name}'`);
  if (ABSENT.includes(name)) throw usage(`${name}: qemu-img has this command, ${PROGRAM} does not`);
  const command = COMMANDS.get(name);
  if (command === undefined) throw usage(`Command not found: ${name}`);
  return command(context, rest);
}

function guarded(context: Context, run: () => number): number {
  try {
    return run();
  } catch (error) {
    if (error instanceof HelpAsked) {
      context.print(HELP);
      return 0;
    }
    if (error instanceof ImgError) {
      context.complain(error.message);
      if (error.hint !== null) context.world.stderr(`${error.hint}\n`);
      return error.code;
    }
    if (error instanceof StorageError) context.complain(`${error.file}: ${reasonOf(error)}`);
    else if (error instanceof RequestError) context.complain(reasonOf(error));
    else if (error instanceof Refusal || error instanceof OpenImageError) context.complain(error.message);
    else throw error;
    return 1;
  }
}
