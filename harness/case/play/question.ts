/** What is asked, as the transcript shows it: the same lines for every target, whatever becomes of them there. */
import { type Json, jsonObject } from '../../../spec/json/value.js';
import type { IoRequest } from '../../target/target.js';
import type { Action } from '../case.js';
import { requestLine } from './json.js';

/** The lines that announce an action. Symbols stay symbols; members keep the author's order. */
export function questionLines(action: Action): string[] {
  switch (action.verb) {
    case 'log':
      return action.text
        .replace(/\n$/, '')
        .split('\n')
        .map((line) => `# ${line}`.trimEnd());
    case 'create':
      return [`create $${action.file}: ${action.size} bytes`];
    case 'open': {
      const options = [
        action.driver === 'format' ? '' : `, ${action.driver}`,
        action.readOnly ? ', read-only' : '',
        action.discard === 'unmap' ? '' : `, discard ${action.discard}`,
        action.policy === undefined ? '' : `, ${action.policy}`,
      ];
      const image = action.size === null ? 'existing' : `${action.size} bytes`;
      return [`open ${action.node}: ${image}${options.join('')}`];
    }
    case 'qmp':
      return [requestLine('-> ', requestOf(action.command, action.arguments))];
    case 'raw':
      return [`-> raw ${action.text}`];
    case 'io':
      return [`io ${action.node}: ${ioText(action.request)}`];
    case 'observe':
      return [`observe ${action.node}`];
    case 'restart':
    case 'kill':
      return [action.verb];
    case 'either':
      return questionLines(action.action);
  }
}

/** A QMP request without its id. */
export function requestOf(command: string, args: Json | undefined): Json {
  return jsonObject(args === undefined ? { execute: command } : { execute: command, arguments: args });
}

/** `write 0 65536 pattern 0x2a fua` */
export function ioText(request: IoRequest): string {
  if (request.op === 'flush') return 'flush';
  let text = `${request.op} ${request.offset} ${request.length}`;
  if (request.op === 'write' || (request.op === 'read' && request.pattern !== undefined)) {
    text += ` pattern ${hexByte(request.pattern!)}`;
  }
  if (request.op === 'write' && request.fua === true) text += ' fua';
  if (request.op === 'zero' && request.unmap === true) text += ' unmap';
  return text;
}

/** `0x2a` */
export function hexByte(value: number): string {
  return `0x${value.toString(16).padStart(2, '0')}`;
}
