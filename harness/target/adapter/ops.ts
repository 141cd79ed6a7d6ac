/** QMP commands and guest I/O as operations of the adapter protocol. */
import { isJsonObject, type Json, type JsonObject } from '../../../spec/json/value.js';
import type { IoRequest } from '../target.js';
import type { BitmapOp, Op } from './protocol.js';

/** What becomes of a QMP command: an operation, or the end of a node. */
export type Mapped = { readonly op: Op } | { readonly close: string };

/** What a capability of an adapter lets cases do, as the QMP commands that these name. */
export const COMMANDS_OF: ReadonlyMap<string, readonly string[]> = new Map([
  [
    'bitmap',
    ['add', 'remove', 'clear', 'enable', 'disable', 'merge'].map((verb) => `block-dirty-bitmap-${verb}`),
  ],
  ['transaction', ['transaction']],
  ['resize', ['block_resize']],
  ['close', ['blockdev-del']],
]);

/**
 * Whether the protocol has an operation for this command with these arguments. It has none for arguments that are
 * wrong by their type or name: what to say about these is QMP's matter, not an adapter's.
 */
export function adapterSupports(command: string, args: JsonObject | undefined): boolean {
  return mapCommand(command, args) !== null;
}

/** The operation for a QMP command; null if there is none. */
export function mapCommand(command: string, args: JsonObject = {}): Mapped | null {
  if (command === 'transaction') return mapTransaction(args);
  if (command === 'blockdev-del') {
    const node = text(args['node-name']);
    return node !== null && hasOnly(args, ['node-name']) ? { close: node } : null;
  }
  if (command === 'block_resize') {
    const node = text(args['node-name']);
    const size = integer(args.size, -(2n ** 63n), 2n ** 63n - 1n);
    if (node === null || size === null || !hasOnly(args, ['node-name', 'size'])) return null;
    return { op: { op: 'resize', node, size } };
  }
  const op = mapBitmapCommand(command, args);
  return op === null ? null : { op };
}

function mapTransaction(args: JsonObject): Mapped | null {
  if (!Array.isArray(args.actions) || !hasOnly(args, ['actions'])) return null;
  const actions: (BitmapOp | { op: 'abort' })[] = [];
  for (const action of args.actions) {
    if (!isJsonObject(action) || typeof action.type !== 'string' || !hasOnly(action, ['type', 'data']))
      return null;
    if (!isJsonObject(action.data)) return null;
    const isAbort = action.type === 'abort' && hasOnly(action.data, []);
    const op = isAbort ? ({ op: 'abort' } as const) : mapBitmapCommand(action.type, action.data);
    if (op === null) return null;
    actions.push(op);
  }
  return { op: { op: 'transaction', actions } };
}

function mapBitmapCommand(command: string, args: JsonObject): BitmapOp | null {
  const verb = /^block-dirty-bitmap-(.*)$/.exec(command)?.[1];
  const node = text(args.node);
  if (verb === undefined || node === null) return null;
  if (verb === 'merge') return mapMerge(node, args);
  const name = text(args.name);
  if (name === null) return null;
  if (verb === 'add') return mapAdd(node, name, args);
  if (verb !== 'remove' && verb !== 'clear' && verb !== 'enable' && verb !== 'disable') return null;
  return hasOnly(args, ['node', 'name']) ? { op: `bitmap-${verb}`, node, name } : null;
}

function mapAdd(node: string, name: string, args: JsonObject): BitmapOp | null {
  if (!hasOnly(args, ['node', 'name', 'granularity', 'persistent', 'disabled'])) return null;
  const { persistent, disabled } = args;
  const granularity =
    args.granularity === undefined ? undefined : integer(args.granularity, 0n, 2n ** 32n - 1n);
  if (granularity === null) return null;
  if (persistent !== undefined && typeof persistent !== 'boolean') return null;
  if (disabled !== undefined && typeof disabled !== 'boolean') return null;
  return {
    op: 'bitmap-add',
    node,
    name,
    ...(granularity === undefined ? {} : { granularity }),
    ...(persistent === undefined ? {} : { persistent }),
    ...(disabled === undefined ? {} : { disabled }),
  };
}

function mapMerge(node: string, args: JsonObject): BitmapOp | null {
  const target = text(args.target);
  if (target === null || !Array.isArray(args.bitmaps) || !hasOnly(args, ['node', 'target', 'bitmaps']))
    return null;
  const bitmaps: (string | { node: string; name: string })[] = [];
  for (const source of args.bitmaps) {
    if (typeof source === 'string') bitmaps.push(source);
    else if (isJsonObject(source) && typeof source.node === 'string' && typeof source.name === 'string') {
      if (!hasOnly(source, ['node', 'name'])) return null;
      bitmaps.push({ node: source.node, name: source.name });
    } else return null;
  }
  return { op: 'bitmap-merge', node, target, bitmaps };
}

/** A guest request as an operation. */
export function mapRequest(node: string, request: IoRequest): Op {
  if (request.op === 'flush') return { op: 'flush', node };
  const range = { node, offset: String(request.offset), length: String(request.length) };
  switch (request.op) {
    case 'read':
      return { op: 'read', ...range, ...(request.pattern === undefined ? {} : { pattern: request.pattern }) };
    case 'write':
      return { op: 'write', ...range, pattern: request.pattern, ...(request.fua ? { fua: true } : {}) };
    case 'zero':
      return { op: 'zero', ...range, ...(request.unmap ? { unmap: true } : {}) };
    case 'discard':
      return { op: 'discard', ...range };
  }
}

function hasOnly(object: JsonObject, members: readonly string[]): boolean {
  return Object.keys(object).every((member) => members.includes(member));
}

function text(value: Json | undefined): string | null {
  return typeof value === 'string' ? value : null;
}

/** An integer within the range of its QMP type, in digits. */
function integer(value: Json | undefined, least: bigint, most: bigint): string | null {
  if (typeof value !== 'number' && typeof value !== 'bigint') return null;
  const exact = BigInt(value);
  return exact >= least && exact <= most ? exact.toString() : null;
}
