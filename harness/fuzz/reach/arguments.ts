/** Which arguments of commands histories draw, of all that the specification declares: members, and the values of those that have few. */
import { isJsonObject, type Json, jsonObject } from '../../../spec/json/value.js';
import { COMMANDS } from '../../../spec/qmp/command-table.js';
import type { Member, Type } from '../../../spec/qmp/types.js';
import type { Action } from '../../case/case.js';
import type { History } from '../history.js';

/**
 * An argument as a path: `blockdev-add`, `blockdev-add.discard`, `blockdev-add.discard=unmap`, of a branch of a union
 * `blockdev-add<raw>.offset`, of an element `transaction.actions[].type=abort`, of one form of an alternate `….file|object.driver`.
 */
export type Path = string;

/** What an action of a transaction is given counts as given to its command: they take the same. */
function within(prefix: Path, member: string): Path {
  const command = /^transaction\.actions\[\]<(.+)>\.data$/.exec(prefix)?.[1];
  return command !== undefined && COMMANDS.has(command) ? `${command}.${member}` : `${prefix}.${member}`;
}

/** Types that are declared later stand for themselves. */
function plain<V>(type: Type<V>): Exclude<AnyKind, { kind: 'lazy' }> {
  const one = type as AnyKind;
  return one.kind === 'lazy' ? plain(one.target()) : one;
}

type AnyKind =
  | { readonly kind: 'enum'; readonly values: readonly { readonly name: string }[] }
  | { readonly kind: 'bool' }
  | { readonly kind: 'array'; readonly items: Type }
  | { readonly kind: 'struct'; readonly members: readonly Member[] }
  | {
      readonly kind: 'union';
      readonly members: readonly Member[];
      readonly discriminator: string;
      readonly branches: { readonly [value: string]: Type | undefined };
    }
  | { readonly kind: 'alternate'; readonly branches: { readonly [form: string]: Type | undefined } }
  | { readonly kind: 'lazy'; readonly target: () => Type }
  | { readonly kind: 'other' };

/** Everything that is declared. A type within itself is not gone into again. */
export function declaredArguments(): ReadonlySet<Path> {
  const found = new Set<Path>();
  for (const [name, { args }] of COMMANDS) declare(name, args, [], found);
  return found;
}

function declare(path: Path, type: Type, outer: readonly unknown[], found: Set<Path>): void {
  const one = plain(type);
  found.add(path);
  if (outer.includes(one)) return;
  const inner = [...outer, one];
  const members = (from: readonly Member[], prefix: Path): void => {
    for (const { name, type: own } of from) declare(within(prefix, name), own, inner, found);
  };
  switch (one.kind) {
    case 'enum':
      for (const { name } of one.values) found.add(`${path}=${name}`);
      return;
    case 'bool':
      found.add(`${path}=true`).add(`${path}=false`);
      return;
    case 'array':
      declare(`${path}[]`, one.items, inner, found);
      return;
    case 'struct':
      members(one.members, path);
      return;
    case 'union':
      members(one.members, path);
      for (const [value, branch] of Object.entries(one.branches))
        if (branch !== undefined) members(membersOf(branch), `${path}<${value}>`);
      return;
    case 'alternate':
      for (const [form, branch] of Object.entries(one.branches))
        if (branch !== undefined) declare(`${path}|${form}`, branch, inner, found);
  }
}

function membersOf(type: Type): readonly Member[] {
  const one = plain(type);
  return one.kind === 'struct' || one.kind === 'union' ? one.members : [];
}

/** How often a history has what. */
export type Drawn = Map<Path, number>;

/** Counts what the commands of the history have. */
export function countArguments({ steps }: History, drawn: Drawn): void {
  for (const { action } of steps) countAction(action, drawn);
}

function countAction(action: Action, drawn: Drawn): void {
  const act = action.verb === 'either' ? action.action : action;
  const command = act.verb === 'qmp' ? COMMANDS.get(act.command) : undefined;
  if (act.verb === 'qmp' && command !== undefined)
    count(act.command, command.args, act.arguments ?? jsonObject(), drawn);
}

function count(path: Path, type: Type, value: Json, drawn: Drawn): void {
  const one = plain(type);
  const see = (what: Path): unknown => drawn.set(what, (drawn.get(what) ?? 0) + 1);
  see(path);
  const members = (from: readonly Member[], prefix: Path): void => {
    if (!isJsonObject(value)) return;
    for (const { name, type: own } of from) {
      const given = value[name];
      if (given !== undefined) count(within(prefix, name), own, given, drawn);
    }
  };
  switch (one.kind) {
    case 'enum':
    case 'bool':
      see(`${path}=${String(value)}`);
      return;
    case 'array':
      if (Array.isArray(value)) for (const item of value) count(`${path}[]`, one.items, item, drawn);
      return;
    case 'struct':
      members(one.members, path);
      return;
    case 'union': {
      members(one.members, path);
      const chosen = isJsonObject(value) ? String(value[one.discriminator]) : '';
      const branch = one.branches[chosen];
      if (branch !== undefined) members(membersOf(branch), `${path}<${chosen}>`);
      return;
    }
    case 'alternate': {
      const form = formOf(value);
      const branch = one.branches[form];
      if (branch !== undefined) count(`${path}|${form}`, branch, value, drawn);
    }
  }
}

function formOf(value: Json): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

/** Of what is missing, that of which no more general part is missing, too. */
export function outermost(missing: readonly Path[]): Path[] {
  const all = new Set(missing);
  return missing.filter((path) => !parentsOf(path).some((parent) => all.has(parent)));
}

/** What it is a part of, the nearest first. */
export function parentsOf(path: Path): Path[] {
  const parents: Path[] = [];
  for (let at = path.length - 1; at > 0; at--) if (/[.<=|[]/.test(path[at]!)) parents.push(path.slice(0, at));
  return parents;
}
