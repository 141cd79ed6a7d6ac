/** The reverse of decoding: steps as a case file says them. What a case need not say is left out. */
import { isJsonObject, type Json, type JsonObject, jsonObject } from '../../../spec/json/value.js';
import { writeJson } from '../../../spec/json/write.js';
import type { IoRequest } from '../../target/target.js';
import type { Action } from '../case.js';
import type { FileContent } from '../content.js';
import { requestOf } from '../play/question.js';
import { encodeNbd } from './encode-nbd.js';

/** One step of the document of a case. */
export function encodeAction(action: Action): JsonObject {
  if (action.verb === 'log') return jsonObject({ log: action.text });
  if (action.verb !== 'either') return encodePlain(action);
  return jsonObject({
    either: members({
      step: encodePlain(action.action),
      outcomes: action.outcomes.map((lines) => [...lines]),
      rule: action.rule,
    }),
  });
}

function encodePlain(action: Exclude<Action, { verb: 'either' | 'log' }>): JsonObject {
  if (action.verb === 'qmp' && isBeyondYaml(action.arguments ?? null)) {
    return jsonObject({ raw: writeJson(requestOf(action.command, action.arguments)) });
  }
  return jsonObject({ [action.verb]: documentOf(action) });
}

/** Whether it has an integer that no case can hold but as a text. */
function isBeyondYaml(value: Json): boolean {
  if (typeof value === 'bigint') return true;
  if (Array.isArray(value)) return value.some(isBeyondYaml);
  return isJsonObject(value) && Object.values(value).some(isBeyondYaml);
}

function documentOf(action: Exclude<Action, { verb: 'either' | 'log' }>): Json {
  switch (action.verb) {
    case 'create':
      return members({ file: action.file, size: action.size });
    case 'open':
      return members({
        node: action.node,
        ...(action.size === null ? { existing: true } : { size: action.size }),
        driver: action.driver === 'format' ? undefined : action.driver,
        readOnly: action.readOnly || undefined,
        discard: action.discard === 'unmap' ? undefined : action.discard,
        policy: action.policy,
        backing: action.backing,
        device: action.device,
      });
    case 'drive':
      return members({ id: action.id, readOnly: action.readOnly || undefined });
    case 'qmp':
      return members({ [action.command]: action.arguments ?? null });
    case 'raw':
      return action.text;
    case 'io':
      return members({ node: action.node, ...ioMembers(action.request) });
    case 'observe':
      return action.node;
    case 'bytes':
      return action.file;
    case 'graph':
    case 'restart':
    case 'kill':
      return jsonObject();
    case 'wait':
      return members({
        job: action.job,
        state: action.job === undefined ? undefined : action.state,
        event: action.event,
        match: action.job !== undefined || Object.keys(action.match).length === 0 ? undefined : action.match,
        any: action.any.length === 0 ? undefined : [...action.any],
      });
    case 'file':
      return members({ name: action.file, ...contentMembers(action.content) });
    case 'descriptor':
      return members({
        open: action.file,
        trust: action.trust === 'stranger' ? undefined : action.trust,
        verify: action.verify ? 'checksums' : undefined,
      });
    case 'check':
      return members({
        image: action.file,
        trust: action.trust === 'stranger' ? undefined : action.trust,
        repair: action.repair || undefined,
      });
    case 'img':
      return [...action.words];
    case 'image-io':
      return members({
        image: action.image ?? undefined,
        options: action.options.length === 0 ? undefined : shellLine(action.options),
        [action.by === 'option' ? 'run' : 'input']: [...action.commands],
      });
    case 'nbd':
      return members(encodeNbd(action));
  }
}

/** The members of a request as `io` and documents have them. */
function ioMembers(request: IoRequest): Optional {
  if (request.op === 'flush') return { flush: true };
  const { offset, length } = request;
  const span = { [request.op]: [offset, length] };
  switch (request.op) {
    case 'write':
      return { ...span, pattern: request.pattern, fua: request.fua || undefined };
    case 'read':
      return { ...span, pattern: request.pattern };
    case 'zero':
      return { ...span, unmap: request.unmap || undefined };
    case 'discard':
      return span;
  }
}

function contentMembers(content: FileContent): Optional {
  switch (content.kind) {
    case 'size':
      return { size: content.size };
    case 'hex':
      return { hex: content.hex };
    case 'fill':
      return { fill: [content.byte, content.size] };
    case 'text': {
      const pieces = content.pieces.map(([name, piece]): [string, Json] => {
        if ('hex' in piece) return [name, members({ hex: piece.hex })];
        return [name, members({ text: piece.text, times: piece.times === 1 ? undefined : piece.times })];
      });
      const known = pieces.length === 0 ? undefined : jsonObject(Object.fromEntries(pieces));
      return { text: content.text, with: known };
    }
  }
}

/** Words as a shell, and splitCommand, takes them apart again. */
function shellLine(words: readonly string[]): string {
  return words
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`))
    .join(' ');
}

/** Members of which some are not there. */
export interface Optional {
  readonly [name: string]: Json | undefined;
}

function members(all: Optional): JsonObject {
  const there = Object.entries(all).filter((entry): entry is [string, Json] => entry[1] !== undefined);
  return jsonObject(Object.fromEntries(there));
}
