/** How transcripts show what the step `nbd` asks, and the way back. Names stand as they are if they are plain, else as JSON. */
import { readJson } from '../../spec/json/read.js';
import type { Json } from '../../spec/json/value.js';
import { writeString } from '../../spec/json/write.js';
import { splitCommand } from '../target/shell-words.js';
import { parseSize } from './load/size.js';
import { type NbdAction, REQUEST_FLAGS, REQUESTS, type RequestFlag, type RequestName } from './nbd-step.js';
import { wordsText } from './play/words.js';

/** `nbd c0: read 0 512 df`, `nbd run nbdinfo …` */
export function nbdText(action: NbdAction): string {
  if (action.op === 'run') return `nbd run ${wordsText(action.words)}`;
  return `nbd ${action.connection}: ${[action.op === 'request' ? action.request : action.op, ...detail(action)].join(' ')}`;
}

function detail(action: Exclude<NbdAction, { op: 'run' }>): (string | number)[] {
  switch (action.op) {
    case 'connect':
      return [
        `$${action.socket}`,
        ...(action.replies === 'simple' ? ['simple'] : []),
        ...(action.export === null ? [] : ['export', word(action.export)]),
        ...(action.contexts.length === 0 ? [] : ['contexts', ...action.contexts.map(word)]),
      ];
    case 'list':
    case 'disconnect':
    case 'ended':
      return [];
    case 'info':
    case 'go':
      return [word(action.export)];
    case 'contexts':
    case 'choose':
      return [word(action.export), ...action.queries.map(word)];
    case 'option':
      return [action.option, ...(action.hex === '' ? [] : [action.hex])];
    case 'request':
      return [
        ...(action.request === 'flush' ? [] : [action.offset, action.length]),
        ...action.flags,
        ...(action.pattern === undefined
          ? []
          : ['pattern', `0x${action.pattern.toString(16).padStart(2, '0')}`]),
        ...(action.chunks ? ['chunks'] : []),
      ];
  }
}

function word(name: string): string {
  return /^[A-Za-z0-9_.:$#-]+$/.test(name) ? name : writeString(name);
}

/** The reverse of {@link nbdText}; null for what it never says. */
export function parseNbdQuestion(text: string): NbdAction | null {
  const run = /^nbd run (.+)$/.exec(text);
  if (run !== null) return { verb: 'nbd', op: 'run', words: splitCommand(run[1]!) };
  const [, connection, op, rest = ''] = /^nbd (\S+): ([a-z0-9]+)(?: (.*))?$/.exec(text) ?? [];
  if (connection === undefined || op === undefined) return null;
  const words = [...rest.matchAll(/"(?:[^"\\]|\\.)*"|\S+/g)].map(([found]) =>
    found.startsWith('"') ? String(readJson(found) as Json) : found,
  );
  const base = { verb: 'nbd', connection } as const;
  const [first = '', ...others] = words;
  switch (op) {
    case 'connect':
      return { ...base, ...parseConnect(first, others) };
    case 'list':
    case 'disconnect':
    case 'ended':
      return { ...base, op };
    case 'info':
    case 'go':
      return { ...base, op, export: first };
    case 'contexts':
    case 'choose':
      return { ...base, op, export: first, queries: others };
    case 'option':
      return { ...base, op, option: Number(first), hex: others.join(' ') };
    default:
      return parseRequest(base, op, words);
  }
}

function parseConnect(socket: string, words: readonly string[]) {
  const isSimple = words[0] === 'simple';
  const rest = isSimple ? words.slice(1) : words;
  const isNamed = rest[0] === 'export';
  const contexts = rest.slice(isNamed ? 3 : 1);
  return {
    op: 'connect' as const,
    socket: socket.slice(1),
    replies: isSimple ? ('simple' as const) : ('structured' as const),
    export: isNamed ? rest[1]! : null,
    contexts,
  };
}

function parseRequest(
  base: { readonly verb: 'nbd'; readonly connection: string },
  op: string,
  words: readonly string[],
): NbdAction | null {
  const request = op in REQUESTS ? (op as RequestName) : /^\d+$/.test(op) ? Number(op) : null;
  if (request === null) return null;
  const range = request === 'flush' ? [] : words.slice(0, 2);
  const rest = words.slice(range.length);
  const [offset = 0, length = 0] = range.map((text) => parseSize(text) ?? 0);
  const at = rest.indexOf('pattern');
  return {
    ...base,
    op: 'request',
    request,
    offset,
    length,
    flags: rest.filter((flag): flag is RequestFlag => flag in REQUEST_FLAGS),
    pattern: at < 0 ? undefined : Number(rest[at + 1]),
    chunks: rest.includes('chunks'),
  };
}
