/**
 * Everything that is done to a transcript before it is compared with its golden, by name and in order, each with
 * its reason. What has an order is never reordered. `qbm targets` prints this list.
 */
import type { TranscriptLine } from '../case/play/transcript.js';
import type { Target } from '../target/target.js';
import {
  allocatedSpace,
  createOptions,
  formatDetails,
  infoOrder,
  ioPrompt,
  ioTime,
  ioUsage,
  jsonAnswer,
  mapOwner,
  progress,
  toolAdvice,
  toolName,
} from './tool-answers.js';

type Kind = Target['kind'];

/** One normaliser. Those without `lines` act earlier, where replies become lines; they are here to be listed. */
export interface Normaliser {
  readonly name: string;
  readonly reason: string;
  /** the target kinds it is for */
  readonly kinds: readonly Kind[] | 'all';
  /** acts on the lines of both sides, golden and observed, so that it can only hide, never invent, a difference */
  readonly lines?: (
    lines: readonly TranscriptLine[],
    other: readonly TranscriptLine[],
  ) => readonly TranscriptLine[];
}

/** In the order in which they are applied. */
export const NORMALISERS: readonly Normaliser[] = [
  {
    name: 'member-order',
    reason:
      'members of a JSON object have no order: replies are printed with sorted members, lists stay as they are',
    kinds: 'all',
  },
  {
    name: 'json-filename',
    reason: 'a file name "json:{…}" is an object like any other: its members are sorted, too',
    kinds: 'all',
  },
  {
    name: 'scratch-path',
    reason: 'the directory of a session is different every time: its path becomes "$"',
    kinds: 'all',
  },
  {
    name: 'generated-node-name',
    reason:
      'names made up by the implementation (#block123) are numbered by first appearance: same stays same',
    kinds: 'all',
    lines: numberGeneratedNames,
  },
  {
    name: 'unnamed-device',
    reason:
      'devices without an id have the number of how many there were before them, in earlier cases too: numbered by first appearance',
    kinds: 'all',
    lines: numberUnnamedDevices,
  },
  {
    name: 'host-allocation',
    reason: 'how many blocks the host allocated to a file (actual-size) is the business of its file system',
    kinds: 'all',
    lines: (lines) => mapText(lines, (text) => text.replace(/("actual-size": )\d+/g, '$1"host"')),
  },
  {
    name: 'tool-name',
    reason:
      'the tools are called qemu-img and qemu-io, or otherwise: before their errors they are "img" and "io"',
    kinds: 'all',
    lines: toolName,
  },
  {
    name: 'format-name',
    reason:
      'the format under test is called qcow2, qbm or raw: its name becomes "{format}", where a tool prints it as one',
    kinds: 'all',
  },
  {
    name: 'tool-advice',
    reason:
      'after a failure the reference says in a line of its own that nothing is lost, and what is half made; QEMU is silent',
    kinds: 'all',
    lines: toolAdvice,
  },
  {
    name: 'io-time',
    reason: 'how long a request took, and how many fit into a second, is different every time',
    kinds: 'all',
    lines: ioTime,
  },
  {
    name: 'io-usage',
    reason:
      'a wrong option is answered with how its command is used, and what it does, in the words of the tool',
    kinds: 'all',
    lines: ioUsage,
  },
  {
    name: 'io-prompt',
    reason:
      'a prompt before each command is for people, and there is none when commands are given as options',
    kinds: 'all',
    lines: ioPrompt,
  },
  {
    name: 'progress',
    reason:
      'how many states of a progress there are depends on the sizes of requests: its first and last count',
    kinds: 'all',
    lines: progress,
  },
  {
    name: 'create-options',
    reason: 'cluster sizes, reference counts and the like, which a "Formatting" line lists, are qcow2\'s own',
    kinds: 'all',
    lines: createOptions,
  },
  {
    name: 'format-details',
    reason: 'what "info" says beneath "Format specific information" is a format\'s own, but for the bitmaps',
    kinds: 'all',
    lines: formatDetails,
  },
  {
    name: 'allocated-space',
    reason:
      'how much space images take, and how it is spread, is a matter of the format and of the file system',
    kinds: 'all',
    lines: allocatedSpace,
  },
  {
    name: 'map-owner',
    reason:
      'in a map the data file of an image (x.data) counts as the image (x); its place in a file is left out, and areas that it alone told apart are joined',
    kinds: 'all',
    lines: mapOwner,
  },
  {
    name: 'json-answer',
    reason:
      "a tool's answer in JSON is laid out like a reply, and without what the normalisers above take away",
    kinds: 'all',
    lines: jsonAnswer,
  },
  {
    name: 'host-time',
    reason:
      'how long requests took, and how long ago the last one was, is the business of the machine they ran on',
    kinds: 'all',
    lines: (lines) => mapText(lines, (text) => text.replace(/("\w+_time_ns": )\d+/g, '$1"host"')),
  },
  {
    name: 'stored-order',
    reason:
      "a graph lists stored bitmaps by name: in which order an image gives them back is its format's own (BMP-032)",
    kinds: 'all',
    lines: (lines) => mapText(lines, storedOrder),
  },
  {
    name: 'info-order',
    reason:
      'the bitmaps that "info" lists stand by name: in which order an image has them is its own (BMP-032)',
    kinds: 'all',
    lines: infoOrder,
  },
  {
    name: 'writer',
    reason: 'an image that is in use says by whom (QBM-033): programs call themselves as they like',
    kinds: 'all',
    lines: (lines) => mapText(lines, (text) => text.replace(/^( {3}\| +"writer": )"[^"]*"/, '$1"writer"')),
  },
  {
    name: 'error-text',
    reason: 'an adapter names the error; the wording is that of QEMU and its kin',
    kinds: ['adapter'],
    lines: (lines) => mapText(lines, (text) => text.replace(/^(<- error [^\s:]+).*$/, '$1')),
  },
  {
    name: 'sha256-optional',
    reason:
      'an adapter may give no sha256 of a bitmap; if it gives one anywhere in a case it gives it everywhere',
    kinds: ['adapter'],
    lines: dropAbsentSha256,
  },
];

const STORED = /bitmap (?:"(?:[^"\\]|\\.)*"|[^\s",]+) \(stored\)/g;

/** Only on the line of a node: others keep the places that they have between these. */
function storedOrder(text: string): string {
  if (!/^ {3}\S.*, bitmap /.test(text)) return text;
  const byName = (text.match(STORED) ?? []).sort((a, b) => (a < b ? 1 : -1));
  return text.replace(STORED, () => byName.pop()!);
}

/** `lines` as they are to be compared with `other`, for a target of this kind. Apply it to both sides. */
export function normalise(
  kind: Kind,
  lines: readonly TranscriptLine[],
  other: readonly TranscriptLine[],
): readonly TranscriptLine[] {
  let result = lines;
  for (const normaliser of NORMALISERS) {
    if (normaliser.lines === undefined) continue;
    if (normaliser.kinds === 'all' || normaliser.kinds.includes(kind))
      result = normaliser.lines(result, other);
  }
  return result;
}

function mapText(lines: readonly TranscriptLine[], map: (text: string) => string): readonly TranscriptLine[] {
  return lines.map((line) => {
    const text = map(line.text);
    return text === line.text ? line : { ...line, text };
  });
}

function numberGeneratedNames(lines: readonly TranscriptLine[]): readonly TranscriptLine[] {
  const numbers = new Map<string, number>();
  return mapText(lines, (text) =>
    // The name of a bitmap or a remark may hold "#block1" too; that it is renamed there does no harm.
    text.includes('#block')
      ? text.replace(/#block\d+/g, (name) => {
          if (!numbers.has(name)) numbers.set(name, numbers.size + 1);
          return `#block${numbers.get(name)}`;
        })
      : text,
  );
}

function numberUnnamedDevices(lines: readonly TranscriptLine[]): readonly TranscriptLine[] {
  const numbers = new Map<string, number>();
  return mapText(lines, (text) =>
    text.includes('/peripheral-anon/device[')
      ? text.replace(/\/peripheral-anon\/device\[\d+\]/g, (path) => {
          if (!numbers.has(path)) numbers.set(path, numbers.size);
          return `/peripheral-anon/device[${numbers.get(path)}]`;
        })
      : text,
  );
}

const SHA256_LINE = /^ {6}sha256 /;

function dropAbsentSha256(
  lines: readonly TranscriptLine[],
  other: readonly TranscriptLine[],
): readonly TranscriptLine[] {
  const has = (side: readonly TranscriptLine[]): boolean => side.some((line) => SHA256_LINE.test(line.text));
  return has(lines) && has(other) ? lines : lines.filter((line) => !SHA256_LINE.test(line.text));
}
