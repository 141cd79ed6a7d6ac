/** Checks an adapter's answers against the published schema, and says what is wrong so that its author can act on it. */
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import type { Request } from './protocol.js';

import schema = require('../schema/adapter-v1-response.schema.json');

const ID = 'adapter-v1-response';
const ajv = new Ajv({ allErrors: true, allowUnionTypes: true }).addSchema(schema, ID);

/** The definition that an answer means to follow, by the member that only this one has: its errors are the useful ones. */
const BY_MEMBER = [
  ['error', 'failed'],
  ['skipped', 'skipped'],
  ['ok', 'ok'],
] as const;
const REFUSED_BY_MEMBER = [
  ['error', 'refused'],
  ['skipped', 'skipped'],
] as const;

/** Answers that have several forms: those that a member tells apart, and the one that is left. */
const CHOICES: {
  readonly [cmd in Request['cmd']]?: {
    readonly meant: readonly (readonly [member: string, definition: string])[];
    readonly own: string | null;
  };
} = {
  open: { meant: BY_MEMBER, own: null },
  close: { meant: BY_MEMBER, own: null },
  load: { meant: [['skipped', 'skipped']], own: 'ok' },
  observe: { meant: BY_MEMBER, own: 'observed' },
  inspect: { meant: REFUSED_BY_MEMBER, own: 'inspected' },
  check: { meant: REFUSED_BY_MEMBER, own: 'checked' },
};

const RESULT_BY_MEMBER = [
  ['ok', 'result-ok'],
  ['error', 'result-error'],
  ['skipped', 'result-skipped'],
  ['errno', 'result-errno'],
  ['mismatch', 'result-mismatch'],
] as const;

/**
 * What is wrong with the answer to a request; null if nothing is.
 *
 * @param answer an object that has `seq`
 */
export function wrongInAnswer(
  cmd: Request['cmd'],
  answer: { readonly [member: string]: unknown },
): string | null {
  if (cmd === 'apply' && Array.isArray(answer.results)) {
    for (const [index, result] of answer.results.entries()) {
      const wrong = wrongInResult(result, `results[${index}]`);
      if (wrong !== null) return wrong;
    }
  }
  const whole = check(`answer-${cmd}`, answer, '');
  if (whole === null) return null;
  const { meant, own } = CHOICES[cmd] ?? { meant: [], own: null };
  for (const [member, definition] of meant) {
    if (member in answer) return check(definition, answer, '') ?? whole;
  }
  return own === null ? whole : (check(own, answer, '') ?? whole);
}

function wrongInResult(result: unknown, where: string): string | null {
  if (typeof result === 'object' && result !== null) {
    for (const [member, definition] of RESULT_BY_MEMBER)
      if (member in result) return check(definition, result, where);
  }
  return `${where} has none of "ok", "error", "skipped", "errno", "mismatch"`;
}

function check(definition: string, value: unknown, where: string): string | null {
  const validate = ajv.getSchema(`${ID}#/$defs/${definition}`) as ValidateFunction;
  if (validate(value)) return null;
  return [...new Set((validate.errors ?? []).map((error) => explain(error, where)))].slice(0, 3).join('; ');
}

function explain({ instancePath, message, params, keyword }: ErrorObject, where: string): string {
  const path = instancePath
    .replace(/\/(\d+)/g, '[$1]')
    .replaceAll('/', '.')
    .replace(/^\./, '');
  const place = [where, path].filter((part) => part !== '').join('.') || 'the answer';
  if (keyword === 'additionalProperties')
    return `${place} has an unknown member "${params.additionalProperty}"`;
  if (keyword === 'const') return `${place} must be ${JSON.stringify(params.allowedValue)}`;
  if (keyword === 'pattern' && String(params.pattern).includes('[1-9]')) {
    return `${place} must be a string of decimal digits without leading zeroes`;
  }
  return `${place} ${message}`;
}
