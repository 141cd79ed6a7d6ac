/**
 * The daemon's command line: what qemu-storage-daemon takes, each option carried out in the order in which it stands. Options are
 * `name=value,…` or JSON, checked by the same types as the commands of the same meaning.
 */

import { JsonSyntaxError, readJson } from '../../json/read.js';
import { isJsonObject, type Json, type JsonObject, jsonObject } from '../../json/value.js';
import type { ArgumentsType } from '../../qmp/command.js';
import type { Infer, Type } from '../../qmp/types.js';
import { parseArguments } from '../../qmp/validate.js';
import { nest, parsePairs, withTypes } from '../keyval.js';

/** What is wrong with the command line; the text says where. */
export class UsageError extends Error {}

/** One option, as it stands. */
export interface DaemonOption {
  readonly name: 'blockdev' | 'chardev' | 'export' | 'monitor' | 'nbd-server' | 'object' | 'pidfile';
  readonly value: string;
}

export type CommandLine = { readonly run: readonly DaemonOption[] } | { readonly print: 'help' | 'version' };

const WITH_VALUE: ReadonlySet<string> = new Set([
  ...['blockdev', 'chardev', 'export', 'monitor', 'nbd-server', 'object', 'pidfile'],
]);

/** @throws UsageError */
export function parseCommandLine(argv: readonly string[]): CommandLine {
  const options: DaemonOption[] = [];
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at]!;
    if (word === '-h' || word === '--help') return { print: 'help' };
    if (word === '-V' || word === '--version') return { print: 'version' };
    if (!word.startsWith('-')) throw new UsageError(`${word}: Unexpected argument`);
    const [, name = '', given] = /^--([^=]*)(?:=([\s\S]*))?$/.exec(word) ?? [];
    if (!WITH_VALUE.has(name)) throw new UsageError(`unrecognized option '${word}'`);
    const value = given ?? argv[++at];
    if (value === undefined) throw new UsageError(`option '--${name}' requires an argument`);
    options.push({ name: name as DaemonOption['name'], value });
  }
  return { run: options };
}

/**
 * The value of an option as JSON for `type`, which has not judged it yet.
 * @param implied the name that a first word without `=` is the value of
 * @throws UsageError, OpenImageError
 */
export function optionJson(type: Type<unknown>, value: string, implied: string | null): JsonObject {
  if (value.trimStart().startsWith('{')) return json(value);
  return withTypes(type, keyval(value, implied)) as JsonObject;
}

/** The same, checked. @throws QmpError besides */
export function optionArguments<T extends ArgumentsType>(
  type: T,
  value: string,
  implied: string | null,
): Infer<T> {
  return parseArguments(type, optionJson(type, value, implied));
}

function json(text: string): JsonObject {
  try {
    const value: Json = readJson(text);
    if (isJsonObject(value)) return value;
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    throw new UsageError(`JSON parse error, ${error.message}`);
  }
  throw new UsageError('JSON object expected');
}

/** `a=b,c.d=e` as an object; everything in it is a text. @throws UsageError */
export function keyval(value: string, implied: string | null): JsonObject {
  const flat = jsonObject();
  for (const [index, [name, given]] of parsePairs(value).entries()) {
    const isImplied = given === null && index === 0 && implied !== null;
    if (given === null && !isImplied) throw new UsageError(`Expected '=' after parameter '${name}'`);
    flat[isImplied ? implied : name] = given ?? name;
  }
  return nest(flat);
}
