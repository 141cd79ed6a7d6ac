/** How a command is declared, and the table that all of them are in. */
import type { StructType, Type, UnionType } from './types.js';

export type ArgumentsType<V = unknown> = StructType<V> | UnionType<V>;

/** A command, with what it needs (`Context`) given to `execute`. */
export interface Command<Context, A = unknown, R = unknown> {
  readonly name: string;
  /** one or more sentences for the reference; the first is its summary */
  readonly doc: string;
  readonly args: ArgumentsType<A>;
  /** what is returned; `empty` for commands that return nothing but success */
  readonly returns: Type<R>;
  /** its arguments are not checked against `args`: it takes others too, and looks at all of them itself */
  readonly unchecked?: boolean;
  /** ids of the rules that this command means */
  readonly rules: readonly string[];
  readonly features?: readonly string[];
  /** may be run out of band (`exec-oob`); QMP-007 */
  readonly allowOob?: boolean;
  /** Checks, does and answers. Throws a QmpError. Arguments have been checked against `args`. */
  execute(context: Context, args: A): Outcome<NoInfer<R>>;
}

/** What `execute` returns: nothing will do where the reply may be the empty object. */
// biome-ignore lint/suspicious/noConfusingVoidType: an operation without a reply is a function without a return value
export type Outcome<R> = Record<never, never> extends R ? R | void : R;

/** A command whose argument type is forgotten, as a table holds it. */
export interface AnyCommand<Context> {
  readonly name: string;
  readonly doc: string;
  readonly args: ArgumentsType;
  readonly returns: Type;
  readonly unchecked?: boolean;
  readonly rules: readonly string[];
  readonly features?: readonly string[];
  readonly allowOob?: boolean;
  execute(context: Context, args: never): unknown;
}

/** Declares a command; the types of `execute`'s parameters follow from `Context`, `args` and `returns`. */
export function defineCommand<Context, A, R>(command: Command<Context, A, R>): Command<Context, A, R> {
  return command;
}

/** `const define = commandsOf<Machine>()`: as {@link defineCommand}, with the context fixed once for a file. */
export function commandsOf<Context>(): <A, R>(command: Command<Context, A, R>) => Command<Context, A, R> {
  return (command) => command;
}

export type CommandTable<Context> = ReadonlyMap<string, AnyCommand<Context>>;

/** The table of `commands`, in that order. Throws if a name occurs twice. */
export function commandTable<Context>(commands: readonly AnyCommand<Context>[]): CommandTable<Context> {
  const table = new Map<string, AnyCommand<Context>>();
  for (const command of commands) {
    if (table.has(command.name)) throw new TypeError(`command ${command.name} is defined twice`);
    table.set(command.name, command);
  }
  return table;
}
