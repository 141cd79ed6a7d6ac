/**
 * The shapes of what JSON files should hold, as JSON Schemas: what a program wrote may come back damaged, or changed by hand.
 * Other members than those that are named may be there, too: a later version may write more.
 */
import { Ajv2020, type AnySchemaObject } from 'ajv/dist/2020.js';
import { explain } from '../../../case/load/explain.js';

export type Shape = AnySchemaObject;

export const text: Shape = { type: 'string' };
export const flag: Shape = { type: 'boolean' };
/** A duration or the like. */
export const amount: Shape = { type: 'number', minimum: 0 };

/** A whole number that a double holds exactly, from `least` on. */
export function whole(least = 0): Shape {
  return { type: 'integer', minimum: least, maximum: Number.MAX_SAFE_INTEGER };
}

export function members(
  required: { readonly [name: string]: Shape },
  optional: { readonly [name: string]: Shape } = {},
): Shape {
  return { type: 'object', required: Object.keys(required), properties: { ...required, ...optional } };
}

export const oneOf = (...values: readonly unknown[]): Shape => ({ enum: values });
export const list = (items: Shape): Shape => ({ type: 'array', items });

/** Objects of which a member says which of these shapes they have. */
export function byMember(name: string, shapes: readonly Shape[]): Shape {
  return { type: 'object', discriminator: { propertyName: name }, required: [name], oneOf: shapes };
}

const ajv = new Ajv2020({ discriminator: true });

/** What is wrong with a value, after the names of the members that lead there; null: nothing. */
export function wrongIn(shape: Shape, value: unknown): string | null {
  // It is compiled once, when it is needed first.
  const validate = ajv.compile(shape);
  if (validate(value)) return null;
  const { pointer, message } = explain(validate.errors![0]!, '')!;
  const names = pointer.split('/').slice(1);
  return [
    ...names.map((name) => (/^\d+$/.test(name) ? `item ${Number(name) + 1}` : `"${name}"`)),
    message,
  ].join(': ');
}
