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
  const meant = cmd === 'open' || cmd === 'close' || cmd === 'observe' ? BY_MEMBER : [];
  for (const [member, definition] of meant) {
    if (member in answer) return check(definition, answer, '') ?? whole;
  }
  return cmd === 'observe' ? (check('observed', answer, '') ?? whole) : whole;
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
