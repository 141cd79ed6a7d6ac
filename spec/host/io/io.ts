/**
 * `qbm io`: reads and writes an image by qemu-io's commands, with its options, output and exit codes. Commands come from
 * -c or, one a line, from standard input. What they mean is in spec/io. IMG-013
 */
import type { IoWorld } from '../../io/command.js';
import type { ToolWorld } from '../tool.js';
import { PROGRAM } from './help.js';
import { written } from './open-commands.js';
import { type CommandLine, parseCommandLine } from './options.js';
import { Session } from './session.js';

/** A tool's world, and what only this tool asks for. Without a clock requests take no time, and sleep lets none pass. */
export interface IoToolWorld extends ToolWorld {
  /** seconds from any beginning */
  readonly now?: () => number;
  readonly sleep?: (milliseconds: number) => void;
  /** what --version says */
  readonly version?: string;
}

/** Runs the tool. `argv` is without its name. Returns the exit code: 0, or 1 if anything failed. */
export function runIo(argv: readonly string[], tool: IoToolWorld): number {
  const line = parseCommandLine(argv, tool.version ?? 'of the reference');
  if (line.end !== null) {
    if (line.complain !== undefined) tool.stderr(line.complain);
    if (line.print !== undefined) tool.stdout(line.print);
    return line.end;
  }
  const world = worldOf(tool);
  const session = new Session(tool, world);
  if (!openFirst(session, world, line)) return 1;
  const isGood = line.commands.length > 0 ? runAll(session, line.commands) : converse(session, tool);
  // The image closes whatever became of the commands.
  return session.end() && isGood ? 0 : 1;
}

function worldOf(tool: IoToolWorld): IoWorld {
  return {
    print: tool.stdout,
    complain: tool.stderr,
    report: (message) => tool.stderr(`${PROGRAM}: ${message}\n`),
    now: tool.now ?? (() => 0),
    sleep: tool.sleep ?? (() => {}),
    step: () => false,
    storage: tool.storage,
  };
}

/** The image of the command line. Without one, `open` has to come first. */
function openFirst(session: Session, world: IoWorld, line: CommandLine & { readonly end: null }): boolean {
  const { image, isOptions, open } = line;
  if (image === undefined) return true;
  return session.guard(() =>
    session.open(
      isOptions
        ? { name: undefined, pairs: written({ world }, image), options: open }
        : { name: image, pairs: undefined, options: open },
    ),
  );
}

function runAll(session: Session, commands: readonly string[]): boolean {
  let isGood = true;
  for (const command of commands) {
    if (session.isOver) break;
    isGood = session.run(command) && isGood;
  }
  return isGood;
}

/** Asks for commands until there are no more. */
function converse(session: Session, tool: ToolWorld): boolean {
  let isGood = true;
  while (!session.isOver) {
    tool.stdout(`${PROGRAM}> `);
    const line = tool.readLine();
    if (line === undefined) break;
    isGood = session.run(line) && isGood;
  }
  return isGood;
}
