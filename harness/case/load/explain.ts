/** Errors of the schema in words for the author of a case: what is wrong, where, and what would be right. */
import type { ErrorObject } from 'ajv/dist/2020.js';
import { suggestion } from './suggest.js';

/** A mistake at a JSON pointer into the document. */
export interface Violation {
  readonly pointer: string;
  readonly message: string;
}

/** One error in words; null for errors that only sum up others. `prefix`: where the validated value stands. */
export function explain(error: ErrorObject, prefix: string): Violation | null {
  const pointer = prefix + error.instancePath;
  if (error.keyword === 'false schema') {
    const name = error.instancePath.slice(error.instancePath.lastIndexOf('/') + 1);
    return { pointer, message: `"${name}" has no place beside "existing"` };
  }
  // Inside `oneOf` of a size every alternative complains: said in one way, the messages fall together.
  if (/(?:\/|defs\/)size\b/.test(error.schemaPath) && error.keyword !== 'required') {
    return { pointer, message: 'a size is an integer of bytes or a text like 64K, 1M+512, 2G-1' };
  }
  if (/defs\/content\//.test(error.schemaPath)) {
    const message = 'a file has one of text, hex, size, fill; "with" stands beside "text"';
    return { pointer, message };
  }
  if (/properties\/nbd\/oneOf/.test(error.schemaPath)) {
    if (error.keyword !== 'oneOf') return null;
    return { pointer, message: 'nbd has connect, run, or, beside on, exactly one thing to do' };
  }
  if (error.keyword === 'additionalProperties') {
    const extra = String(error.params.additionalProperty);
    const known = Object.keys((error.parentSchema as { properties?: object }).properties ?? {});
    const hint = suggestion(extra, known) || `; known are ${known.join(', ')}`;
    return { pointer: `${pointer}/${extra}`, message: `unknown member "${extra}"${hint}` };
  }
  const message = messageOf(error);
  return message === null ? null : { pointer, message };
}

function messageOf(error: ErrorObject): string | null {
  const params = error.params as Record<string, unknown>;
  const name = error.instancePath.slice(error.instancePath.lastIndexOf('/') + 1);
  switch (error.keyword) {
    case 'required':
      return `"${String(params.missingProperty)}" is missing`;
    case 'enum':
      return `must be one of ${(params.allowedValues as unknown[]).join(', ')}`;
    case 'pattern':
      return `"${String(error.data).slice(0, 60)}" ${patternWords(error)}`;
    case 'type':
      return `must be ${[params.type].flat().join(' or ')}`;
    case 'minItems':
      return `"${name}" must have at least ${String(params.limit)}`;
    case 'minProperties':
    case 'maxProperties':
      return 'qmp names exactly one command: {COMMAND: {arguments}} or {COMMAND: null}';
    case 'oneOf':
    case 'if':
    case 'propertyNames':
      return null;
    default:
      return error.message ?? error.keyword;
  }
}

const PATTERN_WORDS: Readonly<Record<string, string>> = {
  slug: 'is not a slug: lower-case letters, digits and single hyphens',
  rule: 'is not the id of a rule, like BMP-004',
  hex: 'is not bytes: two lower-case digits each, a space between',
  path: 'is not a path below the directory of the case',
  fileName: 'is not a name of a file: letters, digits, and _ . - after the first',
};

function patternWords(error: ErrorObject): string {
  const definition = /defs\/(\w+)\/[^/]+$/.exec(error.schemaPath)?.[1] ?? '';
  return PATTERN_WORDS[definition] ?? `does not match ${String(error.params.pattern)}`;
}
