/**
 * Normalisers of what image tools print. Each acts on the answers to `img` and `image-io` alone, so that nothing else
 * in a transcript can be taken for one. The list in normalise.ts says why each is there.
 */
import { readJson } from '../../spec/json/read.js';
import { isJsonObject, type Json, jsonObject } from '../../spec/json/value.js';
import { replyJsonLines } from '../case/play/json.js';
import type { TranscriptLine } from '../case/play/transcript.js';

type Lines = readonly TranscriptLine[];

/** The lines of an answer changed, for questions that `asks` matches; the question itself and its commands stay. */
function inAnswers(
  lines: Lines,
  asks: RegExp,
  change: (answer: readonly string[]) => readonly string[],
): Lines {
  if (!lines.some((line) => asks.test(line.text))) return lines;
  const result: TranscriptLine[] = [];
  for (let at = 0; at < lines.length; ) {
    const question = lines[at++]!;
    result.push(question);
    if (!asks.test(question.text)) continue;
    while (/^[|>] ?/.test(lines[at]?.text ?? '')) result.push(lines[at++]!);
    const start = at;
    while (at < lines.length && /^(?: {3}|$)/.test(lines[at]!.text)) at++;
    const answer = lines.slice(start, at).map((line) => line.text);
    for (const text of change(answer)) result.push({ text, step: question.step });
  }
  return result;
}

const mapEach = (change: (text: string) => string) => (answer: readonly string[]) => answer.map(change);

/** `qemu-img: ` before an error becomes `img: `, and the name is as plain where a person is told how to ask for help. */
export function toolName(lines: Lines): Lines {
  return inAnswers(
    lines,
    /^(?:img|image-io)\b/,
    mapEach((text) =>
      text
        .replace(/^( {3}! )(?:\S*[-/]|qbm )?(img|io)((?: [a-z-]+)?: )/, '$1$2$3')
        .replace(/'(?:[^' ]*[-/]|qbm )?(img|io)((?: [a-z-]+)? --[a-z]+')/, "'$1$2"),
    ),
  );
}

const ADVICE = /^ {3}! (?:Nothing is lost: |'.*' (?:is incomplete|has been partly overwritten)$)/;

/** What comforts a person after a failure, or warns of what is half made. */
export function toolAdvice(lines: Lines): Lines {
  return inAnswers(lines, /^img\b/, (answer) => answer.filter((text) => !ADVICE.test(text)));
}

/** `64 KiB, 1 ops; 00.00 sec (…)` without the time. */
export function ioTime(lines: Lines): Lines {
  return inAnswers(
    lines,
    /^(?:image-io|nbd run qemu-io)\b/,
    mapEach((text) => text.replace(/^( {3}.*, \d+ ops); [\d:.]+(?: sec)? \(.*\)$/, '$1')),
  );
}

/** How a command of qemu-io is used, without what it does. */
export function ioUsage(lines: Lines): Lines {
  const usage = /^( {3}(?:aio_)?(?:alloc|discard|open|read|reopen|truncate|write)v? \[.* -- ).*$/;
  return inAnswers(
    lines,
    /^image-io\b/,
    mapEach((text) => text.replace(usage, '$1…')),
  );
}

/** The prompts of a tool that reads its commands from standard input. */
export function ioPrompt(lines: Lines): Lines {
  return inAnswers(lines, /^image-io\b/, (answer) =>
    answer.flatMap((text) => {
      const bare = text.replace(/^( {3})(?:(?:qbm )?\S*io> ?)+/, '$1');
      return bare.trim() === '' && bare !== text ? [] : [bare];
    }),
  );
}

const CREATE_OPTIONS = 'cluster_size|extended_l2|compression_type|lazy_refcounts|refcount_bits';

/** `Formatting 'x', fmt=… size=…` without what only one format has. */
export function createOptions(lines: Lines): Lines {
  return inAnswers(
    lines,
    /^img\b/,
    mapEach((text) =>
      text.startsWith("   Formatting '")
        ? text.replace(new RegExp(` (?:${CREATE_OPTIONS})=\\S+`, 'g'), '')
        : text,
    ),
  );
}

/** Of the progress only its first and last state: how many there are between depends on the size of a request. */
export function progress(lines: Lines): Lines {
  const isState = (text: string | undefined): boolean => /^ {3} *\(\d+\.\d\d\/100%\)$/.test(text ?? '');
  return inAnswers(lines, /^img\b/, (answer) =>
    answer.filter((text, at) => !(isState(text) && isState(answer[at - 1]) && isState(answer[at + 1]))),
  );
}

/** What only one format has to say of an image: not its bitmaps, which are what this is about. */
export function formatDetails(lines: Lines): Lines {
  return inAnswers(lines, /^img info\b/, (answer) => {
    const kept: string[] = [];
    let section: 'details' | 'bitmaps' | 'child' | null = null;
    for (const text of answer) {
      if (text === '   Format specific information:') section = 'details';
      else if (/^ {3}Child node '.*':$/.test(text)) section = 'child';
      else if (!text.startsWith('       ')) section = null;
      else if (section === 'details' && text === '       bitmaps:') section = 'bitmaps';
      else if (section === 'bitmaps' && /^ {7}\S/.test(text)) section = 'details';
      const isDropped = section === 'details' || section === 'child' || /^ {3}cluster_size: /.test(text);
      if (!isDropped) kept.push(text);
    }
    return kept;
  });
}

/** The bitmaps that `info` lists, by name. */
export function infoOrder(lines: Lines): Lines {
  return inAnswers(lines, /^img info\b/, (answer) => {
    const sorted: string[] = [];
    for (let at = 0; at < answer.length; ) {
      const bitmaps: string[][] = [];
      for (; /^ {11}\[\d+\]:$/.test(answer[at] ?? ''); ) {
        const start = at++;
        while (answer[at]?.startsWith(' '.repeat(15))) at++;
        bitmaps.push(answer.slice(start + 1, at));
      }
      const name = (bitmap: readonly string[]): string =>
        bitmap.find((text) => text.startsWith(`${' '.repeat(15)}name: `)) ?? '';
      bitmaps.sort((one, other) => (name(one) < name(other) ? -1 : 1));
      for (const [index, bitmap] of bitmaps.entries()) sorted.push(`           [${index}]:`, ...bitmap);
      if (bitmaps.length === 0) sorted.push(answer[at++]!);
    }
    return sorted;
  });
}

/** How much space an image and its parts take. */
export function allocatedSpace(lines: Lines): Lines {
  const isStatistics = (text: string): boolean =>
    /^ {3}(?:disk size: |\d+\/\d+ = [\d.]+% allocated, |Image end offset: \d)/.test(text);
  return inAnswers(lines, /^img (?:info|check)\b/, (answer) => answer.filter((text) => !isStatistics(text)));
}

/** Members that the normalisers above take away where the answer is JSON. */
const DROPPED: Readonly<Record<string, readonly string[]>> = {
  info: ['actual-size', 'children', 'cluster-size'],
  check: [
    'allocated-clusters',
    'compressed-clusters',
    'fragmented-clusters',
    'image-end-offset',
    'total-clusters',
  ],
  map: ['offset'],
};

/** An answer that is JSON: what is dropped from other answers is dropped here, areas of a map are joined, members sorted. */
export function jsonAnswer(lines: Lines): Lines {
  return Object.entries(DROPPED).reduce<Lines>(
    (done, [command, dropped]) =>
      inAnswers(done, new RegExp(`^img ${command}\\b`), (answer) => rewritten(answer, dropped)),
    lines,
  );
}

function rewritten(answer: readonly string[], dropped: readonly string[]): readonly string[] {
  if (!/^ {3}[[{]/.test(answer[0] ?? '')) return answer;
  const found = answer.findIndex((text) => /^ {3}(?:! |exit \d)/.test(text));
  const end = found === -1 ? answer.length : found;
  let value: Json;
  try {
    value = readJson(answer.slice(0, end).join('\n'));
  } catch {
    return answer;
  }
  const plain = without(value, dropped);
  const areas = Array.isArray(plain) ? joinedAreas(plain) : plain;
  return [...replyJsonLines('   ', areas), ...answer.slice(end)];
}

function without(value: Json, dropped: readonly string[]): Json {
  if (Array.isArray(value)) return value.map((part) => without(part, dropped));
  if (!isJsonObject(value)) return value;
  const copy = jsonObject();
  for (const [name, member] of Object.entries(value)) {
    if (dropped.includes(name)) continue;
    if (name === 'format-specific') {
      const data = isJsonObject(member) ? member.data : undefined;
      if (isJsonObject(data) && data.bitmaps !== undefined) copy.bitmaps = data.bitmaps;
    } else copy[name] = without(member, dropped);
  }
  return copy;
}

function joinedAreas(areas: readonly Json[]): Json[] {
  const joined: Json[] = [];
  for (const area of areas) {
    const last = joined.at(-1);
    if (!isArea(area) || !isArea(last) || last.start + last.length !== area.start || !isSame(last, area)) {
      joined.push(isJsonObject(area) ? jsonObject(area) : area);
    } else last.length += area.length;
  }
  return joined;
}

type Area = { start: number; length: number };

function isArea(value: Json | undefined): value is Area & { [name: string]: Json } {
  return isJsonObject(value) && typeof value.start === 'number' && typeof value.length === 'number';
}

function isSame(a: Area, b: Area): boolean {
  const rest = (area: Area): string =>
    JSON.stringify(Object.entries({ ...area, start: 0, length: 0 }).sort());
  return rest(a) === rest(b);
}

const MAP_ROW = /^( {3}(0|0x[0-9a-f]+) +)(0x[0-9a-f]+)( +)(?:0|0x[0-9a-f]+) +(\S.*)$/;
const MAP_HEADER = /^( {3}Offset +Length +)Mapped to +(File)$/;

/**
 * A map for people: without the place in the file, the data file `x.data` of an image counted as the image `x`, and
 * areas joined that only the place told apart.
 */
export function mapOwner(lines: Lines): Lines {
  return inAnswers(lines, /^img map\b/, (answer) => {
    const rows: string[] = [];
    let last: { start: number; length: number; file: string } | null = null;
    for (const text of answer) {
      const row = MAP_ROW.exec(text);
      if (row === null) {
        rows.push(text.replace(MAP_HEADER, '$1$2'));
        last = null;
        continue;
      }
      const area = { start: Number(row[2]), length: Number(row[3]), file: row[5]!.replace(/\.data$/, '') };
      if (last !== null && last.file === area.file && last.start + last.length === area.start) {
        last.length += area.length;
        rows.pop();
      } else last = area;
      rows.push(mapRow(last));
    }
    return rows;
  });
}

function mapRow({ start, length, file }: { start: number; length: number; file: string }): string {
  const hex = (value: number): string => (value === 0 ? '0' : `0x${value.toString(16)}`).padEnd(16);
  return `   ${hex(start)}${hex(length)}${file}`;
}
