/**
 * The types that commands are declared with: QAPI's, each a value here and a TypeScript type by {@link Infer}.
 * Argument errors, the schema, the reference and the fuzz grammar are all read from these values.
 */
import type { Json } from '../json/value.js';

/** The integers of QAPI; `int` is `int64`, `size` is `uint64` written as a number of bytes. */
export type IntKind =
  | 'int'
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'uint8'
  | 'uint16'
  | 'uint32'
  | 'uint64'
  | 'size';

/** A type whose values are `V`. `value` exists for the compiler only. */
export interface Type<V = unknown> {
  readonly kind: string;
  /** the QAPI name, as it stands in the schema and in the reference */
  readonly name: string;
  readonly value?: V;
}

/** The TypeScript type of a declared type's values. */
export type Infer<T> = T extends Type<infer V> ? V : never;

export interface StringType extends Type<string> {
  readonly kind: 'str';
}
export interface BooleanType extends Type<boolean> {
  readonly kind: 'bool';
}
/** Kinds of 64 bits may carry a bigint: beyond 2^53−1, and where a negative wraps to an unsigned (QMP-024). */
export interface IntegerType<V extends number | bigint = number | bigint> extends Type<V> {
  readonly kind: 'int';
  readonly int: IntKind;
}
export interface NumberType extends Type<number> {
  readonly kind: 'number';
}
export interface NullType extends Type<null> {
  readonly kind: 'null';
}
export interface AnyType extends Type<Json> {
  readonly kind: 'any';
}
export interface EnumType<V extends string = string> extends Type<V> {
  readonly kind: 'enum';
  readonly doc: string;
  readonly values: readonly EnumValue<V>[];
}
export interface EnumValue<V extends string = string> {
  readonly name: V;
  readonly doc?: string;
  readonly features?: readonly string[];
}
export interface ArrayType<V = unknown> extends Type<readonly V[]> {
  readonly kind: 'array';
  readonly items: Type<V>;
}
export interface StructType<V = unknown> extends Type<V> {
  readonly kind: 'struct';
  readonly doc: string;
  readonly features: readonly string[];
  /** in the order in which arguments are checked */
  readonly members: readonly Member[];
}
export interface UnionType<V = unknown> extends Type<V> {
  readonly kind: 'union';
  readonly doc: string;
  readonly features: readonly string[];
  /** with the discriminator among them; checked before those of the branch */
  readonly members: readonly Member[];
  readonly discriminator: string;
  /** a value of the discriminator that has no branch brings no further members */
  readonly branches: { readonly [value: string]: StructType | undefined };
}
export interface AlternateType<V = unknown> extends Type<V> {
  readonly kind: 'alternate';
  readonly doc: string;
  readonly branches: { readonly [form in JsonForm]?: Type };
}
/** Stands for a type that is declared later, so that types can contain themselves. */
export interface LazyType<V = unknown> extends Type<V> {
  readonly kind: 'lazy';
  readonly target: () => Type<V>;
}

/** The forms of JSON that an alternate tells apart. */
export type JsonForm = 'string' | 'number' | 'boolean' | 'null' | 'object' | 'array';

/** A member of a struct or of a union's base. */
export interface Member<V = unknown, Optional extends boolean = boolean> {
  readonly name: string;
  readonly type: Type<V>;
  readonly optional: Optional;
  readonly doc: string;
  readonly features: readonly string[];
}

/** What can be said of a member besides its type. */
export interface MemberNotes {
  readonly doc?: string;
  readonly features?: readonly string[];
}
/** A member before it has its name. A bare type is a required member without notes. */
export type MemberSpec = Type | UnnamedMember;
interface UnnamedMember<V = unknown, Optional extends boolean = boolean> extends MemberNotes {
  readonly type: Type<V>;
  readonly optional: Optional;
}
type MemberSpecs = { readonly [name: string]: MemberSpec };

/** Makes the compiler print and compare the whole, not the parts. */
type Flat<T> = { readonly [K in keyof T]: T[K] } & unknown;
type OptionalName<M> = { [K in keyof M]: M[K] extends UnnamedMember<unknown, true> ? K : never }[keyof M];
type MemberValue<S> = S extends UnnamedMember<infer V> ? V : Infer<S>;
/** `{ node: str, size: optional(size) }` → `{ node: string; size?: number | bigint | undefined }` */
export type InferMembers<M> = Flat<
  { readonly [K in Exclude<keyof M, OptionalName<M>>]: MemberValue<M[K]> } & {
    readonly [K in OptionalName<M>]?: MemberValue<M[K]> | undefined;
  }
>;

export const str: StringType = { kind: 'str', name: 'str' };
export const bool: BooleanType = { kind: 'bool', name: 'bool' };
export const number: NumberType = { kind: 'number', name: 'number' };
export const nothing: NullType = { kind: 'null', name: 'null' };
export const any: AnyType = { kind: 'any', name: 'any' };

const wide = (int: IntKind): IntegerType => ({ kind: 'int', name: int, int });
const narrow = (int: IntKind): IntegerType<number> => ({ kind: 'int', name: int, int });
export const int = wide('int');
export const int8 = narrow('int8');
export const int16 = narrow('int16');
export const int32 = narrow('int32');
export const int64 = wide('int64');
export const uint8 = narrow('uint8');
export const uint16 = narrow('uint16');
export const uint32 = narrow('uint32');
export const uint64 = wide('uint64');
export const size = wide('size');

/** `enumeration('BitmapSyncMode', ['on-success', 'never', { name: 'always', doc: '…' }])` */
export function enumeration<const V extends string>(
  name: string,
  values: readonly (V | EnumValue<V>)[],
  doc = '',
): EnumType<V> {
  const entries = values.map((value): EnumValue<V> => (typeof value === 'string' ? { name: value } : value));
  noneTwice(
    name,
    entries.map((entry) => entry.name),
  );
  return { kind: 'enum', name, doc, values: entries };
}

export function array<V>(items: Type<V>): ArrayType<V> {
  return { kind: 'array', name: `[${items.name}]`, items };
}

/** A member that must be there, with notes. */
export function required<V>(type: Type<V>, notes: MemberNotes = {}): UnnamedMember<V, false> {
  return { ...notes, type, optional: false };
}

/** A member that may be left out. */
export function optional<V>(type: Type<V>, notes: MemberNotes = {}): UnnamedMember<V, true> {
  return { ...notes, type, optional: true };
}

/** What can be said of a struct or union besides its members. */
export interface TypeNotes {
  readonly doc?: string;
  readonly features?: readonly string[];
}

/** A struct. The order of `members` is the order in which arguments are checked (QMP-021). */
export function struct<const M extends MemberSpecs>(
  name: string,
  members: M,
  notes: TypeNotes = {},
): StructType<InferMembers<M>> {
  return { kind: 'struct', name, doc: '', features: [], ...notes, members: named(name, members) };
}

/** A struct with the members of `base` before its own. */
export function extend<B, const M extends MemberSpecs>(
  base: StructType<B>,
  name: string,
  members: M,
  notes: TypeNotes = {},
): StructType<Flat<B & InferMembers<M>>> {
  const all = [...base.members, ...named(name, members)];
  noneTwice(
    name,
    all.map((member) => member.name),
  );
  return { kind: 'struct', name, doc: '', features: [], ...notes, members: all };
}

/** The struct without members: what a command takes or gives when it takes or gives nothing. */
export const empty: StructType<{ readonly [none in never]: never }> = struct('q_empty', {});

type Branches<D> = { readonly [K in D & string]?: StructType };
type UnionValue<M, D extends keyof M, B> = {
  [K in MemberValue<M[D]> & string]: Flat<
    Omit<InferMembers<M>, D> & { readonly [P in D]: K } & (K extends keyof B ? Infer<B[K]> : unknown)
  >;
}[MemberValue<M[D]> & string];

/**
 * A flat union: the members `base`, among them the enum `discriminator`, then those of the branch it names.
 * Throws if the discriminator is no required enum or a branch is none of its values.
 */
export function union<
  const M extends MemberSpecs,
  const D extends keyof M & string,
  const B extends Branches<MemberValue<M[D]>>,
>(
  name: string,
  declaration: { readonly base: M; readonly discriminator: D; readonly branches: B } & TypeNotes,
): UnionType<UnionValue<M, D, B>> {
  const { base, discriminator, branches, ...notes } = declaration;
  const members = named(name, base);
  const member = members.find((candidate) => candidate.name === discriminator);
  const type = member && settle(member.type);
  if (member === undefined || member.optional || type?.kind !== 'enum') {
    throw new TypeError(`${name}: the discriminator '${discriminator}' must be a required enum of the base`);
  }
  const values = new Set(type.values.map((value) => value.name));
  for (const value of Object.keys(branches)) {
    if (!values.has(value)) throw new TypeError(`${name}: branch '${value}' is no value of ${type.name}`);
    const branch = branches[value as keyof B] as StructType | undefined;
    noneTwice(`${name} with branch ${value}`, [
      ...members.map((one) => one.name),
      ...(branch?.members.map((one) => one.name) ?? []),
    ]);
  }
  return {
    kind: 'union',
    name,
    doc: '',
    features: [],
    ...notes,
    members,
    discriminator,
    branches: Object.assign(Object.create(null), branches),
  };
}

/** A value that has one of several types, told apart by its JSON form. */
export function alternate<const B extends { readonly [form in JsonForm]?: Type }>(
  name: string,
  branches: B,
  doc = '',
): AlternateType<Infer<B[keyof B]>> {
  return { kind: 'alternate', name, doc, branches };
}

/** A type declared later: `const Ref: Type<RefValue> = alternate(…, { object: lazy('Options', () => Options) })`. */
export function lazy<V>(name: string, target: () => Type<V>): LazyType<V> {
  return { kind: 'lazy', name, target };
}

/** Every kind of type there is, once {@link settle} has followed the lazy ones. */
export type Settled =
  | StringType
  | BooleanType
  | IntegerType
  | NumberType
  | NullType
  | AnyType
  | EnumType
  | ArrayType
  | StructType
  | UnionType
  | AlternateType;

/** The declared type itself, with lazy ones followed. */
export function settle(type: Type): Settled {
  let settled = type;
  while (settled.kind === 'lazy') settled = (settled as LazyType).target();
  return settled as Settled;
}

function named(owner: string, specs: MemberSpecs): Member[] {
  return Object.entries(specs).map(([name, spec]) => {
    // JavaScript moves such names to the front, and the order of members is part of the specification
    if (/^[0-9]+$/.test(name)) throw new TypeError(`${owner}: a member cannot be called ${name}`);
    const { type, optional, doc = '', features = [] } = 'optional' in spec ? spec : required(spec);
    return { name, type, optional, doc, features };
  });
}

function noneTwice(owner: string, names: readonly string[]): void {
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw new TypeError(`${owner}: '${twice}' is declared twice`);
}
