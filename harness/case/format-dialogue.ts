/** The reverse of the questions about the QBM format: `file`, `descriptor` and `check`, back to what was to be done. */
import type { Trust } from '../target/target.js';
import type { FileContent, Piece } from './content.js';
import type { FormatAction } from './play/format.js';

const STRING = '"(?:[^"\\\\]|\\\\.)*"';
const PATH = `(${STRING}|[A-Za-z0-9_./~%-]+)`;
const HEX = '(?: [0-9a-f]{2})*';
const FILE = new RegExp(`^file ${PATH}: (.*)$`, 's');
const LOOK = new RegExp(`^(descriptor|check) ${PATH}(, local)?(, verify checksums|, repair)?$`);
const TEXT = new RegExp(
  `^text( ${STRING})?((?:, [A-Z]+ = (?:hex${HEX}|\\d+ times ${STRING}))*)((?:\\n\\|.*)*)$`,
);
const PIECE = new RegExp(`, ([A-Z]+) = (?:hex(${HEX})|(\\d+) times (${STRING}))`, 'g');

/** The step, or null if `text` is none of these. Lines of a file's text follow its first line. */
export function parseFormatQuestion(text: string): FormatAction | null {
  const look = LOOK.exec(text);
  if (look !== null) {
    const file = pathOf(look[2]!);
    const trust: Trust = look[3] === undefined ? 'stranger' : 'local';
    const isAsked = look[4] !== undefined;
    if (look[1] === 'check') return { verb: 'check', file, trust, repair: isAsked };
    return { verb: 'descriptor', file, trust, verify: isAsked };
  }
  const found = FILE.exec(text);
  const content = found === null ? null : parseContent(found[2]!);
  return content === null ? null : { verb: 'file', file: pathOf(found![1]!), content };
}

function pathOf(text: string): string {
  return text.startsWith('"') ? (JSON.parse(text) as string) : text;
}

function parseContent(text: string): FileContent | null {
  const bytes = /^(\d+) bytes(?: of 0x([0-9a-f]{2}))?$/.exec(text);
  if (bytes !== null) {
    const size = Number(bytes[1]);
    if (bytes[2] === undefined) return { kind: 'size', size };
    return { kind: 'fill', size, byte: Number.parseInt(bytes[2], 16) };
  }
  const hex = new RegExp(`^hex(${HEX})$`).exec(text);
  if (hex !== null) return { kind: 'hex', hex: hex[1]!.trim() };
  const found = TEXT.exec(text);
  if (found === null) return null;
  const [, json, pieces, lines] = found;
  const plain = lines!.split('\n').slice(1);
  return {
    kind: 'text',
    text: json === undefined ? plain.map((line) => line.slice(2)).join('\n') : (JSON.parse(json) as string),
    pieces: [...pieces!.matchAll(PIECE)].map(([, name, bare, times, string]): [string, Piece] => [
      name!,
      times === undefined
        ? { hex: bare!.trim() }
        : { text: JSON.parse(string!) as string, times: Number(times) },
    ]),
  };
}
