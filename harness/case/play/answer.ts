/** What came back, as the transcript shows it. */
import { isJsonObject, type Json, type JsonObject } from '../../../spec/json/value.js';
import { writeString } from '../../../spec/json/write.js';
import type { BitmapObservation, IoOutcome, NodeObservation, Reply } from '../../target/target.js';
import { mapStrings, replyJsonLines, sortFilename, WIDTH } from './json.js';
import { printable } from './printable.js';
import { hexByte } from './question.js';
import { restoreSymbols } from './symbol.js';

/** Stands in a transcript where an error has no id. */
export const UNMAPPED = 'UNMAPPED';

/** How replies become lines: what depends on the target. */
export interface AnswerContext {
  /** the directory of the session: becomes `$` */
  readonly directory: string | null;
  /** the id of an error by its text and class, or undefined: the error table of the target's kind */
  errorId(desc: string, errorClass: string): string | undefined;
}

/** `<- {…}` or `<- error ID CLASS: TEXT`; after an error the id of the request stands on a line of its own */
export function replyLines(reply: Reply, context: AnswerContext): readonly string[] {
  if ('return' in reply && reply.id === undefined && isNothing(reply.return)) return NOTHING;
  const back = (text: string): string => restoreSymbols(text, context.directory);
  const shown = (text: string): string => sortFilename(back(text));
  const echo = reply.id === undefined ? {} : { id: reply.id };
  if ('return' in reply) return replyJsonLines('<- ', mapStrings({ ...echo, return: reply.return }, shown));
  const { class: errorClass, desc } = reply.error;
  // The table is asked with the text as the target gave it: its patterns know of paths, not of symbols.
  const id = reply.error.id ?? context.errorId(desc, errorClass) ?? UNMAPPED;
  const line = `<- error ${id} ${errorClass}: ${printable(back(desc))}`.trimEnd();
  return reply.id === undefined ? [line] : [line, ...replyJsonLines('   id ', mapStrings(reply.id, shown))];
}

/** What most commands answer; it is known how that looks. */
const NOTHING: readonly string[] = ['<- {"return": {}}'];

function isNothing(value: Json): boolean {
  if (!isJsonObject(value)) return false;
  for (const _ in value) return false;
  return true;
}

/** `   ok`, `   error ENOSPC` or `   mismatch at 4096: 0x00` */
export function ioLine(outcome: IoOutcome): string {
  if ('ok' in outcome) return '   ok';
  if ('errno' in outcome) return `   error ${printable(outcome.errno)}`;
  return `   mismatch at ${outcome.mismatch.at}: ${hexByte(outcome.mismatch.found)}`;
}

/** `event NAME {data}`; the time stamp is left out. */
export function eventLines(event: JsonObject, context: AnswerContext): string[] {
  const back = (text: string): string => restoreSymbols(text, context.directory);
  const name = printable(String(event.event));
  return replyJsonLines(`event ${name} `, mapStrings(event.data ?? {}, back));
}

/** The answer to `observe`. */
export function observationLines(
  observation: NodeObservation | Reply,
  context: AnswerContext,
): readonly string[] {
  if (!('size' in observation)) return replyLines(observation, context);
  return [`   size ${observation.size}`, ...observation.bitmaps.flatMap(bitmapLines)];
}

function bitmapLines(bitmap: BitmapObservation): string[] {
  const flags = (['recording', 'busy', 'persistent', 'inconsistent'] as const).filter((flag) => bitmap[flag]);
  const facts = [`granularity ${bitmap.granularity}`, `count ${bitmap.count}`, ...flags];
  const lines = [`   ${quoted(bitmap.name)}: ${facts.join(', ')}`, ...areaLines('dirty', bitmap.dirty)];
  if (bitmap.sha256 !== null) lines.push(`      sha256 ${bitmap.sha256}`);
  return lines;
}

/** `dirty 0+65536 131072+512`, over as many lines as it takes; null: `dirty unreadable`. */
export function areaLines(what: string, areas: BitmapObservation['dirty']): string[] {
  if (areas === null) return [`      ${what} unreadable`];
  if (areas.length === 0) return [`      ${what} none`];
  const lines: string[] = [];
  let line = `      ${what}`;
  for (const { offset, length } of areas) {
    const area = ` ${offset}+${length}`;
    if (line.length + area.length > WIDTH) {
      lines.push(line);
      line = ' '.repeat(6 + what.length);
    }
    line += area;
  }
  lines.push(line);
  return lines;
}

/** A name as it is if it is plain, else as JSON: names may be empty or hold spaces, colons, anything. */
export function quoted(name: string): string {
  return /^[A-Za-z0-9_.$#-]+$/.test(name) ? name : writeString(name);
}
