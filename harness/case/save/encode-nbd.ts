/** The step `nbd` as a case file says it. */
import type { NbdAction } from '../nbd-step.js';
import type { Optional } from './encode.js';

export function encodeNbd(action: NbdAction): Optional {
  if (action.op === 'run') return { run: [...action.words] };
  const on = { on: action.connection };
  switch (action.op) {
    case 'connect':
      return {
        connect: action.connection,
        socket: action.socket === 'socket' ? undefined : action.socket,
        replies: action.replies === 'structured' ? undefined : action.replies,
        export: action.export ?? undefined,
        contexts: list(action.contexts),
      };
    case 'list':
    case 'disconnect':
    case 'ended':
      return { ...on, [action.op]: true };
    case 'info':
    case 'go':
      return { ...on, [action.op]: action.export };
    case 'contexts':
    case 'choose':
      return { ...on, [action.op]: action.export, queries: list(action.queries) };
    case 'option':
      return { ...on, option: action.option, hex: action.hex === '' ? undefined : action.hex };
    case 'request': {
      const { request, offset, length, flags, pattern, chunks } = action;
      const what =
        request === 'flush'
          ? { flush: true }
          : typeof request === 'string'
            ? { [request]: [offset, length] }
            : { type: request, range: [offset, length] };
      return { ...on, ...what, pattern, flags: list(flags), chunks: chunks || undefined };
    }
  }
}

function list(items: readonly string[]): string[] | undefined {
  return items.length === 0 ? undefined : [...items];
}
