/** The shape of what a JSON file should hold: what a program wrote may come back damaged, or changed by hand. */

/** What is wrong with a value, after the names of the members that lead there; null: nothing. */
export type Check = (value: unknown) => string | null;

export const text: Check = (value) => (typeof value === 'string' ? null : 'a text was expected');

export const flag: Check = (value) => (typeof value === 'boolean' ? null : 'true or false was expected');

/** A duration or the like. */
export const amount: Check = (value) =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0
    ? null
    : 'a number from 0 on was expected';

/** A whole number that a double holds exactly, from `least` on. */
export function whole(least = 0): Check {
  return (value) =>
    Number.isSafeInteger(value) && (value as number) >= least
      ? null
      : `a whole number from ${least} to 2^53-1 was expected`;
}

export function oneOf(...values: readonly unknown[]): Check {
  return (value) => (values.includes(value) ? null : `one of ${values.join(', ')} was expected`);
}

export function list(item: Check, least = 0): Check {
  return (value) => {
    if (!Array.isArray(value)) return 'a list was expected';
    if (value.length < least) return 'a list with something in it was expected';
    for (const [index, one] of value.entries()) {
      const wrong = item(one);
      if (wrong !== null) return `item ${index + 1}: ${wrong}`;
    }
    return null;
  };
}

/** Other members may be there, too: a later version may write more. */
export function members(
  required: { readonly [name: string]: Check },
  optional: { readonly [name: string]: Check } = {},
): Check {
  return (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'an object was expected';
    for (const [name, check] of Object.entries({ ...required, ...optional })) {
      const member: unknown = Object.hasOwn(value, name)
        ? (value as { [name: string]: unknown })[name]
        : undefined;
      if (member === undefined && !Object.hasOwn(required, name)) continue;
      const wrong = member === undefined ? 'it is missing' : check(member);
      if (wrong !== null) return `"${name}": ${wrong}`;
    }
    return null;
  };
}
