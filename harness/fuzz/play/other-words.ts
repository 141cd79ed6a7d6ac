/**
 * What QEMU 10.0 tells in other words than 7.2, as which the model speaks: both sides are brought to what they have in common
 * before they are compared. Only what is listed in harness/golden/changes/qsd-7.2-10.0.yaml, and as little of it as possible.
 */
import { readJson } from '../../../spec/json/read.js';
import { isJsonObject, type Json, type JsonObject, jsonObject } from '../../../spec/json/value.js';
import { writeJson } from '../../../spec/json/write.js';
import { replyJsonLines } from '../../case/play/json.js';

/** The lines of one step, normalised, as another version might have said them, too. */
export function inCommonWords(lines: readonly string[]): string[] {
  const reply = lines.findIndex((line) => line.startsWith('<- '));
  const said = lines[reply];
  if (said !== undefined) {
    const before = lines.slice(0, reply);
    const answer = said.startsWith('<- error ')
      ? [commonError(lines[0]!, said), ...lines.slice(reply + 1)]
      : commonReply(lines[0]!, lines.slice(reply));
    return [...before, ...answer];
  }
  if (/^(?:img|image-io)\b/.test(lines[0] ?? '')) return commonTool(lines);
  return lines[0] === 'graph' ? commonGraph(lines) : [...lines];
}

/** An error of a tool has no id: that there is one has to do. A map of 10.0 says of each area whether it is compressed. */
function commonTool(lines: readonly string[]): string[] {
  const plain = lines
    .filter((line) => !/^ {3}! (?!(?:img|io)[ :])/.test(line))
    .map((line) => line.replace(/^( {3}! (?:img|io))[ :].*$/, '$1'))
    .filter((line, at, all) => !line.startsWith('   ! ') || line !== all[at - 1]);
  const start = plain.findIndex((line) => /^ {3}[[{]/.test(line));
  if (start === -1 || !lines[0]!.startsWith('img map ')) return plain;
  const after = plain.findIndex((line, at) => at > start && /^ {3}(?:! |exit )/.test(line));
  const end = after === -1 ? plain.length : after;
  const areas = withoutCompression(readJson(plain.slice(start, end).join('\n')));
  return [...plain.slice(0, start), ...replyJsonLines('   ', areas), ...plain.slice(end)];
}

function withoutCompression(areas: Json): Json {
  if (!Array.isArray(areas)) return areas;
  return areas.map((area) => {
    if (!isJsonObject(area) || area.compressed !== false) return area;
    const { compressed: _, ...rest } = area;
    return jsonObject(rest);
  });
}

/** Texts are a version's own, ids are not, but for this one: who is in the way of a resize is named (backing-permissions). */
function commonError(question: string, line: string): string {
  const id = line.replace(/^(<- error (?!UNMAPPED)\S+ [A-Za-z]+): .*$/, '$1');
  return question.includes('"execute": "block_resize"')
    ? id.replace('REF-E-DEVICE-IN-USE', 'REF-E-BUSY')
    : id;
}

/** Replies that tell of nodes; others are as they were. */
function commonReply(question: string, lines: readonly string[]): string[] {
  const text = lines.join('\n').slice('<- '.length);
  if (question.includes('"query-blockstats"')) return replyJsonLines('<- ', withoutZones(readJson(text)));
  if (!text.includes('"node-name"') || !text.includes('"drv"')) return [...lines];
  const hidden: string[] = [];
  const reply = withoutNews(readJson(text), hidden);
  // query-block tells of what is inserted, and not of the filters over it, where 10.0 has these bitmaps.
  return [...replyJsonLines('<- ', reply), ...(question.includes('"query-block"') ? [] : hidden.sort())];
}

/** Of what was counted, 10.0 tells how much was appended to zones. */
function withoutZones(value: Json): Json {
  if (Array.isArray(value)) return value.map(withoutZones);
  if (!isJsonObject(value)) return value;
  const told = Object.entries(value).filter(([name]) => !/(?:^|_)zone_append_/.test(name));
  return jsonObject(Object.fromEntries(told.map(([name, member]) => [name, withoutZones(member)])));
}

/**
 * Members that 7.2 has not (query-bitmaps, query-bitmaps-of-file), and bitmaps without a name, which are on other nodes
 * (REF-126): they are listed after the reply.
 */
function withoutNews(value: Json, hidden: string[]): Json {
  if (Array.isArray(value)) return value.map((one) => withoutNews(one, hidden));
  if (!isJsonObject(value)) return value;
  const copy = jsonObject();
  for (const [name, member] of Object.entries(value)) {
    if (name === 'dirty-bitmaps') {
      const named = namedOf(member, hidden);
      if (named.length > 0) copy[name] = named;
    } else if (!isNews(value, name, member)) copy[name] = withoutNews(member, hidden);
  }
  return copy;
}

function isNews(of: JsonObject, name: string, member: Json): boolean {
  if (name === 'active') return of['node-name'] !== undefined && member === true;
  return name === 'format-specific' && isJsonObject(member) && member.type === 'file';
}

function namedOf(bitmaps: Json, hidden: string[]): Json[] {
  const all = Array.isArray(bitmaps) ? bitmaps : [];
  const isNamed = (one: Json): boolean => isJsonObject(one) && one.name !== undefined;
  hidden.push(
    ...all
      .filter((one) => !isNamed(one))
      .map((one) => `   without a name: ${writeJson(one, { sorted: true })}`),
  );
  return all.filter(isNamed);
}

const NAME = String.raw`"(?:[^"\\]|\\.)*"|[^\s":]+`;
const NODE_LINE = new RegExp(`^ {3}(${NAME}): ([^\\s,:]+)(?:,.*)?$`);
const EDGE_LINE = new RegExp(`^ {6}(?:file|image|backing) (${NAME}): needs `);
/** A job's edge to its target: the filter of a backup may be without a name, and not be shown. */
const TARGET_LINE = new RegExp(`^ {3}(?:${NAME}): target `);

/**
 * Bitmaps without a name are on the filter of a job, not on its source (REF-126). A `copy-before-write` that somebody uses
 * reads its file at any time, and so does what that stands on (REF-124).
 */
function commonGraph(lines: readonly string[]): string[] {
  const readers = readersOf(lines);
  const isHidden = lines.some((line) => TARGET_LINE.test(line));
  let node = '';
  return lines.map((line) => {
    const name = NODE_LINE.exec(line)?.[1];
    if (name !== undefined) {
      node = name;
      return line.replaceAll(', bitmap undefined', '');
    }
    if (!EDGE_LINE.test(line) || !(isHidden || readers.has(node))) return line;
    return line.replace(': needs -;', ': needs ;').replace(/: needs consistent read(?:, )?/, ': needs ');
  });
}

/** Filters that read, and all nodes below them. */
function readersOf(lines: readonly string[]): ReadonlySet<string> {
  const readers = new Set<string>();
  const below: { readonly parent: string; readonly child: string }[] = [];
  let node = '';
  for (const line of lines) {
    const [, name, driver] = NODE_LINE.exec(line) ?? [];
    if (name !== undefined) node = name;
    if (driver === 'copy-before-write') readers.add(node);
    const child = EDGE_LINE.exec(line)?.[1];
    if (child !== undefined) below.push({ parent: node, child });
  }
  for (let before = -1; before < readers.size; ) {
    before = readers.size;
    for (const { parent, child } of below) if (readers.has(parent)) readers.add(child);
  }
  return readers;
}
