/** The step `nbd` of a document that the schema found valid. */
import type { Json, JsonObject } from '../../../spec/json/value.js';
import { splitCommand } from '../../target/shell-words.js';
import {
  CLIENTS,
  type NbdAction,
  type NbdRequestStep,
  REQUESTS,
  type RequestFlag,
  type RequestName,
} from '../nbd-step.js';

/** What is wrong, at a pointer below that of the step. */
export type Complain = (pointer: string, message: string) => void;
/** Bytes of a size at a pointer below that of the step. */
export type ToBytes = (value: Json, pointer: string) => number;

export function decodeNbd(step: JsonObject, bytes: ToBytes, complain: Complain): NbdAction {
  const verb = 'nbd';
  if (step.run !== undefined) return { verb, op: 'run', words: words(step.run, complain) };
  if (step.connect !== undefined) {
    return {
      verb,
      op: 'connect',
      connection: step.connect as string,
      socket: (step.socket ?? 'socket') as string,
      replies: (step.replies ?? 'structured') as 'simple' | 'structured',
      export: (step.export ?? null) as string | null,
      contexts: (step.contexts ?? []) as string[],
    };
  }
  const base = { verb, connection: step.on as string } as const;
  for (const op of ['list', 'disconnect', 'ended'] as const) if (step[op] === true) return { ...base, op };
  for (const op of ['info', 'go'] as const) {
    if (step[op] !== undefined) return { ...base, op, export: step[op] as string };
  }
  for (const op of ['contexts', 'choose'] as const) {
    if (step[op] === undefined) continue;
    return { ...base, op, export: step[op] as string, queries: (step.queries ?? []) as string[] };
  }
  if (step.option !== undefined) {
    return { ...base, op: 'option', option: step.option as number, hex: (step.hex ?? '') as string };
  }
  return { ...base, ...decodeRequest(step, bytes) };
}

function decodeRequest(step: JsonObject, bytes: ToBytes): NbdRequestStep {
  const name = Object.keys(REQUESTS).find((one) => step[one] !== undefined) as RequestName | undefined;
  const key = name ?? 'range';
  const range = name === 'flush' ? [0, 0] : (step[key] as Json[]);
  const [offset, length] = range.map((part, index) => bytes(part, `/${key}/${index}`));
  return {
    op: 'request',
    request: name ?? (step.type as number),
    offset: offset!,
    length: length!,
    flags: (step.flags ?? []) as RequestFlag[],
    pattern: step.pattern as number | undefined,
    chunks: step.chunks === true,
  };
}

function words(value: Json, complain: Complain): string[] {
  let split: string[] = [];
  try {
    split = Array.isArray(value) ? (value as string[]) : splitCommand(value as string);
  } catch (error) {
    complain('/run', (error as Error).message);
    return [];
  }
  if (!CLIENTS.some((client) => client === split[0])) {
    complain('/run', `"${split[0] ?? ''}" is none of the clients ${CLIENTS.join(', ')}`);
  }
  return split;
}
