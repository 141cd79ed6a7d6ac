/** The steps about the QBM format: what is asked of the target's format part, and its answers as transcripts show them. */
import {
  type CheckReport,
  Declined,
  type FormatFinding,
  type FormatRefusal,
  type InspectedBitmap,
  type Inspection,
  type Session,
} from '../../target/target.js';
import type { Action } from '../case.js';
import { bytesOf } from '../content.js';
import { areaLines, quoted } from './answer.js';
import { printable } from './printable.js';
import { restoreSymbols } from './symbol.js';

export type FormatAction = Extract<Action, { verb: 'file' | 'descriptor' | 'check' }>;

/** Asks the target and gives the lines of its answer. Rejects with what the format part rejects with. */
export async function performFormat(
  action: FormatAction,
  session: Session,
  within: <T>(request: Promise<T>) => Promise<T>,
): Promise<string[]> {
  const { format, directory } = session;
  if (format === undefined) throw new Declined('the target has no part for the QBM format');
  const { file } = action;
  if (action.verb === 'file') {
    await within(format.put(file, bytesOf(action.content)));
    return ['   ok'];
  }
  if (action.verb === 'descriptor') {
    const { trust, verify } = action;
    const seen = await within(format.inspect(file, { trust, verify }));
    return 'error' in seen ? refusalLines(seen, directory) : inspectionLines(seen);
  }
  const { trust, repair } = action;
  const report = await within(format.check(file, { trust, repair }));
  return 'error' in report ? refusalLines(report, directory) : reportLines(report);
}

/**
 * `<- error ID 3:14: TEXT`, in the form of a refused command, so that the same normaliser takes place and text away
 * where they are not compared.
 */
function refusalLines({ error }: FormatRefusal, directory: string | null): string[] {
  const place = error.place === null ? '' : ` ${error.place.line}:${error.place.column}`;
  const text = error.text === '' ? '' : `: ${printable(restoreSymbols(error.text, directory))}`;
  return [`<- error ${error.id}${place}${text}`];
}

/** The disk, its bitmaps with their content, and the backing file. */
export function inspectionLines({ size, bitmaps, backing }: Inspection): string[] {
  return [
    `   size ${size}`,
    ...bitmaps.flatMap(bitmapLines),
    ...(backing === null ? [] : [`   backing ${quoted(backing.file)}, ${backing.format}`]),
  ];
}

function bitmapLines({ name, type, granularity, recording, inconsistent, areas }: InspectedBitmap): string[] {
  const flags = [
    ...(type === 'dirty' && recording ? ['recording'] : []),
    ...(inconsistent ? ['inconsistent'] : []),
  ];
  const line = `   ${quoted(name)}: ${[type, `granularity ${granularity}`, ...flags].join(', ')}`;
  return [line, ...(areas === null ? [] : areaLines(type === 'dirty' ? 'dirty' : 'allocated', areas))];
}

const SEVERITIES: readonly FormatFinding['severity'][] = ['error', 'damage', 'leftover'];

/** What was repaired, then what is found now, each in an order of its own: nobody has to find things in order. */
export function reportLines({ repaired, findings }: CheckReport): string[] {
  return [
    ...findingLines('   repaired ', repaired),
    ...(findings.length === 0 ? ['   clean'] : findingLines('   ', findings)),
  ];
}

function findingLines(prefix: string, findings: readonly FormatFinding[]): string[] {
  const lines = (severity: FormatFinding['severity']): string[] =>
    findings
      .filter((one) => one.severity === severity)
      .map(
        ({ id, bitmap }) =>
          `${prefix}${severity} ${id}${bitmap === null ? '' : `, bitmap ${quoted(bitmap)}`}`,
      )
      .sort();
  return SEVERITIES.flatMap(lines);
}
