/** What is asked, as the transcript shows it: the same lines for every target, whatever becomes of them there. */
import { type Json, jsonObject } from '../../../spec/json/value.js';
import { writeJson, writeString } from '../../../spec/json/write.js';
import type { IoRequest } from '../../target/target.js';
import type { Action, WaitAction } from '../case.js';
import type { FileContent, Piece } from '../content.js';
import { nbdText } from '../nbd-dialogue.js';
import { requestLine } from './json.js';
import { toolLines } from './tool.js';

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
        action.backing === undefined ? '' : `, backing ${action.backing ?? 'none'}`,
        action.device === undefined ? '' : `, device ${action.device}`,
      ];
      const image = action.size === null ? 'existing' : `${action.size} bytes`;
      return [`open ${action.node}: ${image}${options.join('')}`];
    }
    case 'drive':
      return [`drive ${action.id}: empty${action.readOnly ? ', read-only' : ''}`];
    case 'qmp':
      return [requestLine('-> ', requestOf(action.command, action.arguments))];
    case 'raw':
      return [`-> raw ${action.text}`];
    case 'io':
      return [`io ${action.node}: ${ioText(action.request)}`];
    case 'observe':
      return [`observe ${action.node}`];
    case 'bytes':
      return [`bytes $${action.file}`];
    case 'graph':
    case 'restart':
    case 'kill':
      return [action.verb];
    case 'wait':
      return [waitText(action)];
    case 'file':
      return fileLines(action.file, action.content);
    case 'descriptor':
      return [
        `descriptor ${pathText(action.file)}${trusted(action)}${action.verify ? ', verify checksums' : ''}`,
      ];
    case 'check':
      return [`check ${pathText(action.file)}${trusted(action)}${action.repair ? ', repair' : ''}`];
    case 'img':
    case 'image-io':
      return toolLines(action);
    case 'nbd':
      return [nbdText(action)];
    case 'either':
      return questionLines(action.action);
  }
}

/** `wait j0: concluded`, `wait j0: BLOCK_JOB_READY`, `wait DEVICE_DELETED {"device": "d0"}` */
function waitText(action: WaitAction): string {
  const any = action.any.length === 0 ? '' : `, any ${action.any.join(' ')}`;
  if (action.job !== undefined) return `wait ${action.job}: ${action.state ?? action.event}${any}`;
  return `wait ${action.event} ${writeJson(action.match)}${any}`;
}

function trusted({ trust }: { readonly trust: string }): string {
  return trust === 'local' ? ', local' : '';
}

/** A path as it is if it is plain, else as JSON. */
function pathText(path: string): string {
  return /^[A-Za-z0-9_./~%-]+$/.test(path) ? path : writeString(path);
}

/** What is put into a file. A text of plain lines is shown as such, after `| ` each; any other as JSON. */
function fileLines(file: string, content: FileContent): string[] {
  const head = `file ${pathText(file)}:`;
  switch (content.kind) {
    case 'size':
      return [`${head} ${content.size} bytes`];
    case 'fill':
      return [`${head} ${content.size} bytes of ${hexByte(content.byte)}`];
    case 'hex':
      return [`${head} hex ${content.hex}`.trimEnd()];
    case 'text': {
      const pieces = content.pieces.map((piece) => `, ${pieceText(piece)}`).join('');
      const lines = content.text.split('\n');
      const isPlain = lines.every((line) => /^[ -~]*$/.test(line) && !line.endsWith(' '));
      if (!isPlain) return [`${head} text ${writeString(content.text)}${pieces}`];
      return [`${head} text${pieces}`, ...lines.map((line) => `| ${line}`.trimEnd())];
    }
  }
}

/** `N = 1023 times "x"`, `BAD = hex ff fe` */
function pieceText([name, piece]: readonly [string, Piece]): string {
  if ('hex' in piece) return `${name} = hex ${piece.hex}`.trimEnd();
  return `${name} = ${piece.times} times ${writeString(piece.text)}`;
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
