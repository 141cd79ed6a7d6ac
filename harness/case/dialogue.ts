/**
 * The reverse of the transcript: a dialogue as it stands in documentation, in fenced blocks marked `qmp`, back to
 * steps. So an example in the prose can be executed and the new transcript compared with the text.
 */
import { JsonSyntaxError, readJson } from '../../spec/json/read.js';
import { isJsonObject, type Json, type JsonObject } from '../../spec/json/value.js';
import type { IoRequest } from '../target/target.js';
import type { Action, Step } from './case.js';
import { parseFormatQuestion } from './format-dialogue.js';
import { parseSize } from './load/size.js';
import { parseNbdQuestion } from './nbd-dialogue.js';
import { parseToolQuestion } from './tool-dialogue.js';

/** A fenced block: its text, and the line in the document on which its first line stands. */
export interface Dialogue {
  /** fenced with ```qmp reference: QEMU is known to do otherwise, and the rule says so */
  readonly referenceOnly: boolean;
  readonly text: string;
  readonly line: number;
}

/** A line that is in no way part of a dialogue. */
export class DialogueError extends Error {
  readonly line: number;
  constructor(line: number, message: string) {
    super(`line ${line}: ${message}`);
    this.name = 'DialogueError';
    this.line = line;
  }
}

/** The blocks fenced with ```qmp or ```qmp reference in a Markdown text, in order. */
export function dialoguesIn(markdown: string): Dialogue[] {
  const found: Dialogue[] = [];
  const lines = markdown.split('\n');
  for (let i = 0; i < lines.length; i++) {
    const open = /^(\s*)```qmp( reference)?\s*$/.exec(lines[i]!);
    if (open === null) continue;
    const start = i + 1;
    while (++i < lines.length && !/^\s*```\s*$/.test(lines[i]!));
    const indent = open[1]!.length;
    found.push({
      referenceOnly: open[2] !== undefined,
      text: lines
        .slice(start, i)
        .map((line) => `${line.slice(indent)}\n`)
        .join(''),
      line: start + 1,
    });
  }
  return found;
}

/**
 * The questions of a dialogue as steps; answers are skipped, since they are what is to be compared. Empty lines
 * count for nothing. `firstLine` is the line number of the first line in its document.
 * @throws {DialogueError}
 */
export function parseDialogue(text: string, firstLine = 1): Step[] {
  const steps: Step[] = [];
  const lines = text.split('\n');
  for (let i = 0; i < lines.length; i++) {
    const line = firstLine + i;
    let question = lines[i]!;
    if (isAnswer(question)) continue;
    if (question.startsWith('-> {')) {
      // A long request is laid out: its other lines are indented, or close it.
      while (isContinuation(lines[i + 1])) question += `\n${lines[++i]!}`;
    }
    if (question.startsWith('file ')) {
      while (lines[i + 1]?.startsWith('|') === true) question += `\n${lines[++i]!}`;
    }
    if (/^image-io\b/.test(question)) {
      while (/^[|>] ?/.test(lines[i + 1] ?? '')) question += `\n${lines[++i]!}`;
    }
    steps.push({ line, action: parseQuestion(question, line) });
  }
  return steps;
}

function isContinuation(line: string | undefined): boolean {
  // The only answer to a request that is indented is that of an `either`.
  return line !== undefined && /^ {3}/.test(line) && !/^ {3}one of \d+ allowed outcomes$/.test(line);
}

function isAnswer(line: string): boolean {
  return line.trim() === '' || /^(?:<-|event\b| {3}|! )/.test(line);
}

const OPEN =
  /^open (.+?): (?:(\S+) bytes|existing)(, null-co)?(, read-only)?(, discard ignore)?(?:, (writeback|writethrough))?(?:, backing (\S+))?(?:, device (\S+))?$/;

function parseQuestion(text: string, line: number): Action {
  const remark = /^#(?: (.*))?$/.exec(text);
  if (remark !== null) return { verb: 'log', text: remark[1] ?? '' };
  if (text.startsWith('-> raw ')) return { verb: 'raw', text: text.slice('-> raw '.length) };
  if (text.startsWith('-> ')) return parseRequest(text.slice(3), line);
  const create = /^create \$(\S+): (\S+) bytes$/.exec(text);
  if (create !== null) return { verb: 'create', file: create[1]!, size: bytes(create[2]!, line) };
  const open = OPEN.exec(text);
  if (open !== null) {
    return {
      verb: 'open',
      node: open[1]!,
      size: open[2] === undefined ? null : bytes(open[2], line),
      driver: open[3] === undefined ? 'format' : 'null-co',
      readOnly: open[4] !== undefined,
      discard: open[5] === undefined ? 'unmap' : 'ignore',
      policy: open[6] as 'writeback' | 'writethrough' | undefined,
      backing: open[7] === 'none' ? null : open[7],
      device: open[8],
    };
  }
  const drive = /^drive (\S+): empty(, read-only)?$/.exec(text);
  if (drive !== null) return { verb: 'drive', id: drive[1]!, readOnly: drive[2] !== undefined };
  if (text === 'graph' || text === 'restart' || text === 'kill') return { verb: text };
  const wait = /^wait (?:(\S+): )?([A-Za-z_0-9]+)(?: (\{.*\}))?(?:, any ([A-Za-z -]+))?$/.exec(text);
  if (wait !== null) return parseWait(wait);
  const io = /^io (.+?): (.+)$/.exec(text);
  if (io !== null) return { verb: 'io', node: io[1]!, request: parseIo(io[2]!, line) };
  const observe = /^observe (.+)$/.exec(text);
  if (observe !== null) return { verb: 'observe', node: observe[1]! };
  const file = /^bytes \$([A-Za-z0-9_][A-Za-z0-9_.-]*)$/.exec(text);
  if (file !== null) return { verb: 'bytes', file: file[1]! };
  const format = parseFormatQuestion(text) ?? parseToolQuestion(text) ?? parseNbdQuestion(text);
  if (format !== null) return format;
  throw new DialogueError(line, `neither a question nor an answer: ${text.slice(0, 80)}`);
}

function parseWait([, job, what, match, any]: RegExpExecArray): Action {
  const rest = { verb: 'wait', any: any === undefined ? [] : any.split(' ') } as const;
  if (job === undefined) return { ...rest, event: what!, match: readJson(match ?? '{}') as JsonObject };
  return /^[a-z]/.test(what!) ? { ...rest, job, state: what! } : { ...rest, job, event: what! };
}

function parseIo(text: string, line: number): IoRequest {
  if (text === 'flush') return { op: 'flush' };
  const match = /^(write|zero|discard|read) (\S+) (\S+)(?: pattern (\w+))?( fua)?( unmap)?$/.exec(text);
  if (match === null) throw new DialogueError(line, `not a request: ${text}`);
  const span = { offset: bytes(match[2]!, line), length: bytes(match[3]!, line) };
  const pattern = match[4] === undefined ? undefined : Number(match[4]);
  switch (match[1]) {
    case 'write':
      if (pattern === undefined) throw new DialogueError(line, 'a write names its pattern');
      return { op: 'write', ...span, pattern, ...(match[5] === undefined ? {} : { fua: true }) };
    case 'zero':
      return { op: 'zero', ...span, ...(match[6] === undefined ? {} : { unmap: true }) };
    case 'discard':
      return { op: 'discard', ...span };
    default:
      return { op: 'read', ...span, ...(pattern === undefined ? {} : { pattern }) };
  }
}

function bytes(text: string, line: number): number {
  const size = parseSize(text);
  if (size === null) throw new DialogueError(line, `not a size: ${text}`);
  return size;
}

/** A plain request is a command; any other JSON text, of which QMP has to say what is wrong with it, is sent raw. */
function parseRequest(text: string, line: number): Action {
  let request: Json;
  try {
    request = readJson(text);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    throw new DialogueError(line, `not JSON, which is sent with "-> raw": ${error.message}`);
  }
  const raw: Action = { verb: 'raw', text: text.replace(/\s*\n\s*/g, ' ') };
  if (!isJsonObject(request) || typeof request.execute !== 'string') return raw;
  const args = request.arguments;
  if (args !== undefined && !isJsonObject(args)) return raw;
  if (Object.keys(request).some((name) => name !== 'execute' && name !== 'arguments')) return raw;
  return { verb: 'qmp', command: request.execute, arguments: args };
}
