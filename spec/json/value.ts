/**
 * The JSON values that QMP and the descriptors speak of, without loss.
 *
 * `JSON.parse` turns 9007199254740993 into …992; QEMU does not. So an integer is a `number` while it is exact
 * (|n| ≤ 2^53−1) and a `bigint` beyond; a number with a fraction or an exponent is a {@link JsonReal}, because
 * QMP tells 65536 and 65536.0 apart. Objects inherit no member, so one called `__proto__` is only a member.
 * RFC 8259.
 */
export type Json = null | boolean | number | bigint | string | JsonReal | Json[] | JsonObject;

/** A JSON object. Made by {@link jsonObject} or the reader; member order is kept as written
 *  (but names that are array indices, like "7", come first: JavaScript's order of properties). */
export interface JsonObject {
  [member: string]: Json;
}

/**
 * A number written with a fraction or an exponent: its text as written, and the nearest double. In QMP also an integer
 * that fits 64 bits neither signed nor unsigned (QMP-017).
 */
export class JsonReal {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
  get value(): number {
    return Number(this.text);
  }
}

/**
 * What JSON objects inherit from: an object with no member, for ever. With no prototype at all they would be as good, but
 * V8 keeps such objects as tables of hashes, which are slower to make, to read and to list.
 */
export const NO_MEMBERS: object = Object.freeze(Object.create(null));

/** An object that inherits no member, holding `members` (shallow copy). */
export function jsonObject(members: { readonly [member: string]: Json } = {}): JsonObject {
  return Object.assign(Object.create(NO_MEMBERS) as JsonObject, members);
}

export function isJsonObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof JsonReal);
}
