/**
 * Images that a history of commands left, also in the midst of a change, for readers that run no commands: files as they are,
 * and what is found in them.
 */
import type { FileContent } from '../../../case/content.js';
import { Sketch } from '../../draw/sketch.js';
import { endStored, filesIn, playMake, STORED_MOVES } from './stored.js';

type Files = ReadonlyMap<string, Uint8Array>;

/** More of a file is zeros: it is the content of a disk, of which no reader of the format says anything. */
const MOST_BYTES = 2048;
const SECTOR = 512;

/** The files of an image are put there, then it is read and checked, and perhaps repaired and read again. */
export function playRead(sketch: Sketch): void {
  const { draw } = sketch;
  const [before, after] = historyOf(sketch);
  const files = draw.chance(0.5) ? after : torn(sketch, before, after);
  for (const [file, bytes] of files) sketch.play({ verb: 'file', file, content: contentOf(bytes) });
  for (const [file, bytes] of files) {
    if (!isDescriptor(bytes)) continue;
    const trust = draw.pick(['stranger', 'local'] as const);
    sketch.play({ verb: 'descriptor', file, trust, verify: false });
    sketch.play({ verb: 'check', file, trust, repair: false });
    if (!sketch.can('repair') || !draw.chance(0.5)) continue;
    sketch.play({ verb: 'check', file, trust, repair: true });
    sketch.play({ verb: 'descriptor', file, trust, verify: false });
  }
}

/** What the files of a history of its own have before its last step and after it. */
function historyOf({ draw }: Sketch): [Files, Files] {
  const inner = new Sketch(draw, { format: 'overlay', known: [], goals: [], capabilities: new Set() });
  playMake(inner);
  for (let left = draw.int(4, 24); left > 0; left--) {
    const weights = STORED_MOVES.map(({ weight }) => weight);
    STORED_MOVES[draw.weighted(weights)]!.make(inner);
  }
  const before = filesOf(inner);
  if (draw.chance(0.5)) endStored(inner);
  else STORED_MOVES[draw.weighted(STORED_MOVES.map(({ weight }) => weight))]!.make(inner);
  return [before, filesOf(inner)];
}

function filesOf(sketch: Sketch): Files {
  return new Map(filesIn(sketch).map((name) => [name, sketch.run.model.bytes(name)!]));
}

/** Some files, or sectors of them, are as they were before: what a crash leaves, and more than it may. */
function torn({ draw }: Sketch, before: Files, after: Files): Files {
  const files = new Map<string, Uint8Array>();
  for (const name of new Set([...before.keys(), ...after.keys()])) {
    const [old, now] = [before.get(name), after.get(name)];
    const chosen = draw.chance(0.3) ? old : now;
    if (chosen === undefined) continue;
    const isMixed = old !== undefined && now !== undefined && draw.chance(0.3);
    files.set(name, isMixed ? mixed(old, now, draw.int(0, Math.ceil(now.length / SECTOR))) : chosen);
  }
  return files;
}

/** The first sectors as they are now, the rest as it was. */
function mixed(old: Uint8Array, now: Uint8Array, sectors: number): Uint8Array {
  const bytes = new Uint8Array(Math.max(old.length, sectors * SECTOR));
  bytes.set(old);
  bytes.set(now.subarray(0, sectors * SECTOR));
  return bytes.subarray(0, Math.max(old.length, Math.min(now.length, sectors * SECTOR)));
}

function contentOf(bytes: Uint8Array): FileContent {
  const first = bytes[0] ?? 0;
  if (bytes.length > 0 && bytes.every((byte) => byte === first))
    return first === 0
      ? { kind: 'size', size: bytes.length }
      : { kind: 'fill', byte: first, size: bytes.length };
  if (isDescriptor(bytes)) {
    const text = new TextDecoder().decode(bytes);
    const same = new TextEncoder().encode(text);
    if (same.length === bytes.length) return { kind: 'text', text, pieces: [] };
  }
  if (bytes.length > MOST_BYTES) return { kind: 'size', size: bytes.length };
  return {
    kind: 'hex',
    hex: Buffer.from(bytes)
      .toString('hex')
      .replace(/..(?=.)/g, '$& '),
  };
}

function isDescriptor(bytes: Uint8Array): boolean {
  return bytes[0] === 0x7b;
}
