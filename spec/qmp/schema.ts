/**
 * The command table as `query-qmp-schema` tells it, and the comparison of two such schemas. QEMU masks the names of
 * types with numbers, so a comparison goes by structure. QMP.md, QMP-031.
 */
import { type Json, type JsonObject, jsonObject } from '../json/value.js';
import type { CommandTable } from './command.js';
import { empty, type Member, type StructType, settle, type Type, type UnionType } from './types.js';

/** The entries of `query-qmp-schema`'s reply: commands in table order, then the types in the order they are met. */
export function schemaOf(table: CommandTable<never>): JsonObject[] {
  const types = new SchemaTypes();
  const commands = [...table.values()].map((command) =>
    entry(command.name, 'command', {
      'arg-type': types.nameOf(command.args),
      'ret-type': types.nameOf(command.returns),
      ...(command.allowOob ? { 'allow-oob': true } : {}),
      ...features(command.features),
    }),
  );
  return [...commands, ...types.entries()];
}

function entry(name: string, metaType: string, members: { readonly [name: string]: Json }): JsonObject {
  return jsonObject({ name, 'meta-type': metaType, ...members });
}

function features(list: readonly string[] | undefined): { readonly [name: string]: Json } {
  return list !== undefined && list.length > 0 ? { features: [...list] } : {};
}

/** The builtin types of a schema and the JSON they are. All integers are one type there. */
const JSON_TYPES: { readonly [kind: string]: string } = {
  str: 'string',
  bool: 'boolean',
  int: 'int',
  number: 'number',
  null: 'null',
  any: 'value',
};

class SchemaTypes {
  private readonly made = new Map<string, { readonly type: Type; entry: JsonObject }>();

  entries(): JsonObject[] {
    return [...this.made.values()].map((one) => one.entry);
  }

  /** The schema's name of a type, which is described on the way. Throws if two types have one name. */
  nameOf(declared: Type): string {
    const type = settle(declared);
    const builtin = JSON_TYPES[type.kind];
    const name =
      builtin !== undefined ? type.kind : type.kind === 'array' ? this.arrayName(type.items) : type.name;
    const known = this.made.get(name);
    if (known === undefined) {
      const made = { type, entry: jsonObject() };
      // named before its members are visited: a type may contain itself
      this.made.set(name, made);
      made.entry =
        builtin !== undefined ? entry(name, 'builtin', { 'json-type': builtin }) : this.describe(name, type);
    } else if (builtin === undefined && type.kind !== 'array' && known.type !== type) {
      throw new TypeError(`two types are called ${name}`);
    }
    return name;
  }

  private arrayName(items: Type): string {
    return `[${this.nameOf(items)}]`;
  }

  private describe(name: string, type: ReturnType<typeof settle>): JsonObject {
    switch (type.kind) {
      case 'array':
        return entry(name, 'array', { 'element-type': this.nameOf(type.items) });
      case 'enum':
        return entry(name, 'enum', {
          members: type.values.map((value) => jsonObject({ name: value.name, ...features(value.features) })),
          values: type.values.map((value) => value.name),
        });
      case 'alternate':
        return entry(name, 'alternate', {
          members: Object.values(type.branches).map((branch) => jsonObject({ type: this.nameOf(branch) })),
        });
      case 'struct':
        return this.object(name, type, {});
      case 'union': {
        const tag = settle(type.members.find((member) => member.name === type.discriminator)!.type);
        const values = tag.kind === 'enum' ? tag.values : [];
        return this.object(name, type, {
          tag: type.discriminator,
          variants: values.map((value) =>
            jsonObject({ case: value.name, type: this.nameOf(type.branches[value.name] ?? empty) }),
          ),
        });
      }
      default:
        throw new TypeError(`${type.kind} is a builtin`);
    }
  }

  private object(
    name: string,
    type: StructType | UnionType,
    union: { readonly [name: string]: Json },
  ): JsonObject {
    return entry(name, 'object', {
      members: type.members.map((member) => this.member(member)),
      ...union,
      ...features(type.features),
    });
  }

  private member({ name, type, optional, features: notes }: Member): JsonObject {
    return jsonObject({
      name,
      type: this.nameOf(type),
      ...(optional ? { default: null } : {}),
      ...features(notes),
    });
  }
}

/** An entry as read from somebody's schema. */
interface Entry {
  readonly name: string;
  readonly 'meta-type': string;
  readonly 'arg-type'?: string;
  readonly 'json-type'?: string;
  readonly 'element-type'?: string;
  readonly tag?: string;
  readonly values?: readonly string[];
  readonly members?: readonly { readonly name: string; readonly type: string; readonly default?: null }[];
  readonly variants?: readonly { readonly case: string; readonly type: string }[];
}

/**
 * Where arguments that `ours` admits for `commandName` are not admitted by `theirs`: one line a place, named by its
 * path. Empty if ours is contained in theirs. Both are replies of `query-qmp-schema`.
 */
export function compareSchema(ours: Json, theirs: Json, commandName: string): string[] {
  const comparison = new Comparison(index(ours), index(theirs));
  return comparison.command(commandName);
}

function index(schema: Json): ReadonlyMap<string, Entry> {
  const entries = schema as unknown as readonly Entry[];
  // events and commands have names of their own, types never collide with them
  return new Map(entries.map((one) => [one.name, one]));
}

class Comparison {
  private readonly ours: ReadonlyMap<string, Entry>;
  private readonly theirs: ReadonlyMap<string, Entry>;
  private readonly seen = new Set<string>();
  private readonly found: string[] = [];
  constructor(ours: ReadonlyMap<string, Entry>, theirs: ReadonlyMap<string, Entry>) {
    this.ours = ours;
    this.theirs = theirs;
  }

  command(name: string): string[] {
    const a = this.ours.get(name);
    const b = this.theirs.get(name);
    if (a?.['meta-type'] !== 'command') return [`${name}: is no command of ours`];
    if (b?.['meta-type'] !== 'command') return [`${name}: is no command of theirs`];
    this.types(name, a['arg-type']!, b['arg-type']!);
    return this.found;
  }

  private types(path: string, ourName: string, theirName: string): void {
    const key = `${ourName}\u0000${theirName}`;
    if (this.seen.has(key)) return;
    this.seen.add(key);
    const a = this.ours.get(ourName);
    const b = this.theirs.get(theirName);
    if (a === undefined || b === undefined) {
      this.found.push(`${path}: type ${a === undefined ? ourName : theirName} is not described`);
    } else if (a['meta-type'] !== b['meta-type']) {
      if (!contained(a, b)) this.found.push(`${path}: ours is ${shown(a)}, theirs ${shown(b)}`);
    } else {
      this.alike(path, a, b);
    }
  }

  private alike(path: string, a: Entry, b: Entry): void {
    switch (a['meta-type']) {
      case 'builtin':
        if (!contained(a, b)) this.found.push(`${path}: ours is ${shown(a)}, theirs ${shown(b)}`);
        break;
      case 'array':
        this.types(`${path}[]`, a['element-type']!, b['element-type']!);
        break;
      case 'enum':
        for (const value of a.values ?? []) {
          if (!b.values?.includes(value)) this.found.push(`${path}: theirs has no value '${value}'`);
        }
        break;
      case 'alternate':
        this.alternates(path, a, b);
        break;
      default:
        this.objects(path, a, b);
    }
  }

  private alternates(path: string, a: Entry, b: Entry): void {
    for (const { type } of a.members ?? []) {
      const form = jsonForm(this.ours.get(type));
      const counterpart = b.members?.find((member) => jsonForm(this.theirs.get(member.type)) === form);
      if (counterpart === undefined) this.found.push(`${path}: theirs takes no ${form}`);
      else this.types(`${path} as ${form}`, type, counterpart.type);
    }
  }

  private objects(path: string, a: Entry, b: Entry): void {
    for (const member of a.members ?? []) {
      const counterpart = b.members?.find((one) => one.name === member.name);
      const at = `${path}.${member.name}`;
      if (counterpart === undefined) {
        this.found.push(`${at}: theirs has no such member`);
        continue;
      }
      if (member.default !== undefined && counterpart.default === undefined) {
        this.found.push(`${at}: optional in ours, required in theirs`);
      }
      this.types(at, member.type, counterpart.type);
    }
    for (const member of b.members ?? []) {
      if (member.default === undefined && !a.members?.some((one) => one.name === member.name)) {
        this.found.push(`${path}.${member.name}: required in theirs, unknown to ours`);
      }
    }
    this.variants(path, a, b);
  }

  private variants(path: string, a: Entry, b: Entry): void {
    if (a.tag !== b.tag) this.found.push(`${path}: ours is told apart by ${a.tag}, theirs by ${b.tag}`);
    else {
      for (const variant of a.variants ?? []) {
        const counterpart = b.variants?.find((one) => one.case === variant.case);
        const at = `${path}(${variant.case})`;
        if (counterpart === undefined) this.found.push(`${at}: theirs has no such variant`);
        else this.types(at, variant.type, counterpart.type);
      }
    }
  }
}

/** Whether every value of the simple type `a` is one of `b`: enum in string, integer in number, anything in any. */
function contained(a: Entry, b: Entry): boolean {
  const theirs = b['json-type'];
  if (theirs === 'value') return true;
  if (a['meta-type'] === 'enum') return theirs === 'string';
  return a['json-type'] === theirs || (a['json-type'] === 'int' && theirs === 'number');
}

function shown(one: Entry): string {
  return one['json-type'] ?? one['meta-type'];
}

/** The JSON form by which an alternate would tell a type. */
function jsonForm(one: Entry | undefined): string {
  switch (one?.['meta-type']) {
    case 'enum':
      return 'string';
    case 'builtin':
      return one['json-type'] === 'int' ? 'number' : one['json-type']!;
    default:
      return one?.['meta-type'] ?? 'nothing';
  }
}
