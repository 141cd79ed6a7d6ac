/**
 * The door of a command: JSON arguments checked against their declared type, in QEMU's order and with QEMU's texts, and
 * the reply checked on its way out. QMP.md, QMP-020 to QMP-030.
 */
import { INT64_MINIMUM, UINT64_MAXIMUM } from '../json/parse.js';
import { isJsonObject, type Json, type JsonObject, JsonReal, jsonObject, NO_MEMBERS } from '../json/value.js';
import type { ArgumentsType, CommandTable } from './command.js';
import {
  commandNotFound,
  missing,
  notAccepted,
  notExact,
  notUnsigned,
  oobUnsupported,
  outOfRange,
  unexpected,
  wrongAlternate,
  wrongType,
} from './input-errors.js';
import {
  type AlternateType,
  type EnumType,
  type Infer,
  type IntKind,
  type JsonForm,
  type Member,
  type StructType,
  settle,
  type Type,
  type UnionType,
} from './types.js';

/** One command as a monitor hands it over. `arguments` left out means the empty object. */
export interface CommandRequest {
  readonly name: string;
  readonly arguments?: JsonObject | undefined;
  /** asked for with `exec-oob` */
  readonly oob?: boolean;
}

/** Where a value stands: `path` as "actions[0].data", `name` its own last name, absent for a list's element. */
interface Place {
  readonly path: string;
  readonly name: string | undefined;
}

/**
 * Looks a command up, checks its arguments, runs it, and gives its reply. Throws a QmpError: that the command is not
 * found, that it cannot run out of band, what is wrong with the arguments, or what the command itself throws.
 */
export function runCommand<Context>(
  table: CommandTable<Context>,
  context: Context,
  request: CommandRequest,
): Json {
  const command = table.get(request.name);
  // QMP-005
  if (command === undefined) throw commandNotFound({ name: request.name });
  // QMP-007
  if (request.oob && !command.allowOob) throw oobUnsupported({ name: request.name });
  const args = command.unchecked
    ? (request.arguments ?? jsonObject())
    : parseArguments(command.args, request.arguments);
  return encodeReply(command.returns, command.execute(context, args as never) ?? {});
}

/** `args` as a value of `type`. Throws a QmpError naming the first thing that is wrong. */
export function parseArguments<T extends ArgumentsType>(type: T, args: JsonObject | undefined): Infer<T> {
  return parse(type, args ?? jsonObject(), { path: '', name: undefined }) as Infer<T>;
}

/** Any JSON as a value of `type`, named `name` in errors. Throws a QmpError. */
export function parseValue<T extends Type>(type: T, json: Json, name: string): Infer<T> {
  return parse(type, json, { path: name, name }) as Infer<T>;
}

/**
 * A 64-bit argument as a number of bytes. Throws the error QMP-E-BEYOND-2-53 if it is not exact: this implementation
 * has no offsets beyond 2^53−1. QMP-026
 */
export function exactNumber(value: number | bigint, name: string): number {
  if (typeof value === 'bigint') throw notExact({ name });
  return value;
}

function parse(declared: Type, json: Json, place: Place): unknown {
  const type = settle(declared);
  switch (type.kind) {
    case 'str':
      return parseString(json, place);
    case 'bool':
      if (typeof json !== 'boolean') throw wrongType({ name: place.path, expected: 'boolean' });
      return json;
    case 'int':
      return parseInteger(type.int, json, place);
    case 'number':
      if (json instanceof JsonReal) return json.value;
      if (typeof json === 'number' || typeof json === 'bigint') return Number(json);
      throw wrongType({ name: place.path, expected: 'number' });
    case 'null':
      if (json !== null) throw wrongType({ name: place.path, expected: 'null' });
      return json;
    case 'any':
      return json;
    case 'enum':
      return parseEnum(type, json, place);
    case 'array':
      // QMP-023
      if (!Array.isArray(json)) throw wrongType({ name: place.path, expected: 'array' });
      return json.map((item, i) => parse(type.items, item, { path: `${place.path}[${i}]`, name: undefined }));
    case 'struct':
    case 'union':
      return parseObject(type, json, place);
    case 'alternate':
      return parseAlternate(type, json, place);
  }
}

function parseString(json: Json, place: Place): string {
  if (typeof json !== 'string') throw wrongType({ name: place.path, expected: 'string' });
  return json;
}

function parseEnum(type: EnumType, json: Json, place: Place): string {
  const text = parseString(json, place);
  // QMP-027: this error has the last name only, and a list's element has none
  if (!type.values.some((value) => value.name === text)) {
    throw notAccepted({ name: place.name ?? 'null', value: text });
  }
  return text;
}

/** The kinds that are read as 64 bits first and then must fit fewer. */
const NARROW: { readonly [kind in IntKind]?: readonly [low: number, high: number] } = {
  int8: [-(2 ** 7), 2 ** 7 - 1],
  int16: [-(2 ** 15), 2 ** 15 - 1],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint8: [0, 2 ** 8 - 1],
  uint16: [0, 2 ** 16 - 1],
  uint32: [0, 2 ** 32 - 1],
};

function parseInteger(kind: IntKind, json: Json, place: Place): number | bigint {
  const signed = kind.startsWith('int');
  const wide = signed ? asSigned(json) : asUnsigned(json);
  if (wide === undefined) {
    // QMP-023, QMP-024
    throw signed ? wrongType({ name: place.path, expected: 'integer' }) : notUnsigned({ name: place.path });
  }
  const range = NARROW[kind];
  // QMP-025: as QMP-027, the last name only
  if (range !== undefined && (wide < range[0] || wide > range[1])) {
    throw outOfRange({ name: place.name ?? 'null', kind: `${kind as keyof typeof NARROW & NarrowKind}_t` });
  }
  return wide;
}
type NarrowKind = 'int8' | 'int16' | 'int32' | 'uint8' | 'uint16' | 'uint32';

function asSigned(json: Json): number | bigint | undefined {
  if (typeof json === 'bigint') return json < INT64_MINIMUM || json >= 2n ** 63n ? undefined : exact(json);
  return typeof json === 'number' && Number.isSafeInteger(json) ? json : undefined;
}

/** A negative number is taken as the unsigned one with the same 64 bits. QMP-024 */
function asUnsigned(json: Json): number | bigint | undefined {
  if (typeof json === 'bigint') {
    return json < INT64_MINIMUM || json > UINT64_MAXIMUM ? undefined : exact(BigInt.asUintN(64, json));
  }
  if (typeof json !== 'number' || !Number.isSafeInteger(json)) return undefined;
  return json < 0 ? exact(BigInt.asUintN(64, BigInt(json))) : json;
}

/** a number where a number is exact, so that there is one form of each value */
function exact(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function parseObject(type: StructType | UnionType, json: Json, place: Place): { [name: string]: unknown } {
  if (!isJsonObject(json)) throw wrongType({ name: place.path, expected: 'object' });
  const value: { [name: string]: unknown } = Object.create(NO_MEMBERS);
  parseMembers(type.members, json, place, value);
  // QMP-032: the branch after the members of the union itself
  if (type.kind === 'union') {
    const branch = type.branches[value[type.discriminator] as string];
    if (branch !== undefined) parseMembers(branch.members, json, place, value);
  }
  // QMP-029: only when all that is declared is right
  for (const name in json) if (!(name in value)) throw unexpected({ name: inside(place, name) });
  return value;
}

function parseMembers(
  members: readonly Member[],
  json: JsonObject,
  place: Place,
  value: { [name: string]: unknown },
): void {
  for (const { name, type, optional } of members) {
    const given = json[name];
    if (given !== undefined) {
      value[name] = parse(type, given, { path: inside(place, name), name });
    } else if (!optional) {
      // QMP-022
      throw missing({ name: inside(place, name) });
    }
  }
}

function inside(place: Place, name: string): string {
  return place.path === '' ? name : `${place.path}.${name}`;
}

function parseAlternate(type: AlternateType, json: Json, place: Place): unknown {
  const branch = type.branches[formOf(json)];
  // QMP-028: as QMP-027, the last name only
  if (branch === undefined) throw wrongAlternate({ name: place.name ?? 'null', alternate: type.name });
  return parse(branch, json, place);
}

/** The form of JSON that `json` has; all numbers are one form. */
export function formOf(json: Json): JsonForm {
  if (json === null) return 'null';
  if (Array.isArray(json)) return 'array';
  if (json instanceof JsonReal || typeof json === 'bigint') return 'number';
  return typeof json as JsonForm;
}

/** A reply that its own declaration forbids: cannot happen while the specification is right. */
export class ReplyFault extends Error {
  constructor(path: string, problem: string) {
    super(`the reply ${path === '' ? 'itself' : `at ${path}`} ${problem}`);
    this.name = 'ReplyFault';
  }
}

/**
 * What a command returned as JSON: members in declared order, those that are undefined left out. Throws a
 * {@link ReplyFault} if the value is not of the declared type.
 */
export function encodeReply(declared: Type, value: unknown, path = ''): Json {
  const type = settle(declared);
  const expect = (holds: boolean): void => {
    if (!holds) throw new ReplyFault(path, `is no ${type.name}`);
  };
  switch (type.kind) {
    case 'array':
      expect(Array.isArray(value));
      return (value as unknown[]).map((item, i) => encodeReply(type.items, item, `${path}[${i}]`));
    case 'struct':
    case 'union':
      expect(typeof value === 'object' && value !== null && !Array.isArray(value));
      return encodeObject(type, value as { [name: string]: unknown }, path);
    case 'alternate': {
      expect(value !== undefined);
      const branch = type.branches[formOf(value as Json)];
      if (branch === undefined) throw new ReplyFault(path, `is no ${type.name}`);
      return encodeReply(branch, value, path);
    }
    case 'number':
      expect(typeof value === 'number' && Number.isFinite(value));
      return Number.isSafeInteger(value) ? (value as number) : new JsonReal(String(value));
    case 'int':
      expect(fits(type.int, value));
      return value as Json;
    case 'any':
      expect(value !== undefined);
      return value as Json;
    case 'enum':
      expect(type.values.some((one) => one.name === value));
      return value as string;
    default:
      expect(
        type.kind === 'null' ? value === null : typeof value === (type.kind === 'str' ? 'string' : 'boolean'),
      );
      return value as Json;
  }
}

function encodeObject(
  type: StructType | UnionType,
  value: { readonly [name: string]: unknown },
  path: string,
): JsonObject {
  const branch = type.kind === 'union' ? type.branches[value[type.discriminator] as string] : undefined;
  const members = branch === undefined ? type.members : [...type.members, ...branch.members];
  const json = jsonObject();
  for (const member of members) {
    const given = value[member.name];
    const at = path === '' ? member.name : `${path}.${member.name}`;
    if (given !== undefined) json[member.name] = encodeReply(member.type, given, at);
    else if (!member.optional) throw new ReplyFault(at, `is missing from ${type.name}`);
  }
  for (const name in value) {
    if (value[name] !== undefined && !(name in json))
      throw new ReplyFault(path, `has a member '${name}' that ${type.name} has not`);
  }
  return json;
}

function fits(kind: IntKind, value: unknown): boolean {
  if (typeof value !== 'bigint' && !Number.isSafeInteger(value)) return false;
  const wide = BigInt(value as number | bigint);
  const range = NARROW[kind];
  if (range !== undefined) return wide >= range[0] && wide <= range[1];
  return kind.startsWith('int') ? BigInt.asIntN(64, wide) === wide : BigInt.asUintN(64, wide) === wide;
}
