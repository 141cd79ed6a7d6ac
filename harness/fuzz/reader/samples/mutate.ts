/** One change to a sample: to the text or the bytes of a descriptor, to a bitmap file, to what is there at all. */
import { createHash } from 'node:crypto';
import { ENCODINGS } from './interesting.js';
import { mutateText } from './mutate-text.js';
import type { Random } from './random.js';
import { bytesOfText, type Content, descriptorsIn, type Sample, sizeOf, textIn, withFile } from './sample.js';

/** More than that, a file is sent as so many zeros. */
const MAX_BYTES = 300_000;

/** @param other another sample, to take pieces of */
export function mutated(sample: Sample, random: Random, other: Sample): Sample {
  const descriptors = descriptorsIn(sample);
  const others = [...sample.files.keys()].filter((name) => !descriptors.includes(name));
  const kind = random.below(10);
  if (kind < 6 || sample.files.size === 0) {
    const name = random.oneIn(4) ? random.pick([...descriptors, sample.open]) : sample.open;
    return withFile(sample, name, changedDescriptor(sample, name, random, other));
  }
  if (kind < 9 && others.length > 0) return changedFile(sample, random.pick(others), random);
  return changedTree(sample, random);
}

function changedDescriptor(sample: Sample, name: string, random: Random, other: Sample): Content {
  const content = sample.files.get(name);
  const bytes = content === undefined || typeof content === 'number' ? new Uint8Array() : content;
  const text = textIn(bytes);
  if (text === null || random.oneIn(10)) return changedBytes(bytes, random);
  const changed = bytesOfText(
    mutateText(text, random, textIn(other.files.get(other.open)) ?? '', namesFrom(sample, name)),
  );
  return changed.length > MAX_BYTES ? changed.subarray(0, MAX_BYTES) : changed;
}

/** The names of all files as the descriptor `name` would have to give them. */
function namesFrom({ files }: Sample, name: string): string[] {
  const directory = name.slice(0, name.lastIndexOf('/') + 1);
  return [...files.keys()].map((file) => (file.startsWith(directory) ? file.slice(directory.length) : file));
}

function changedBytes(bytes: Uint8Array, random: Random): Uint8Array {
  const at = random.below(bytes.length + 1);
  const to = Math.min(bytes.length, at + 1 + random.below(8));
  const joined = (...parts: readonly (readonly number[] | Uint8Array)[]): Uint8Array =>
    Uint8Array.from(parts.flatMap((part) => [...part]));
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
  switch (random.below(7)) {
    case 0:
      return bytes.map((byte, index) => (index === at ? byte ^ (1 << random.below(8)) : byte));
    case 1:
      return bytes.map((byte, index) => (index === at ? random.below(256) : byte));
    case 2:
      return joined(before, random.pick(ENCODINGS), after);
    case 3:
      return joined(before, bytes.subarray(to));
    case 4:
      return before;
    case 5:
      return joined(before, bytes.subarray(at, to), after);
    default:
      return joined(before, random.bytes(1 + random.below(4)), after);
  }
}

/** Of a bitmap or a data image: length, tail, content, checksum. */
function changedFile(sample: Sample, name: string, random: Random): Sample {
  const content = sample.files.get(name)!;
  const size = sizeOf(content);
  const put = (changed: Content | null): Sample => withFile(sample, name, changed);
  const resized = (to: number): Content => {
    if (to < 0) return 0;
    if (typeof content === 'number' || to > MAX_BYTES) return Math.min(to, Number.MAX_SAFE_INTEGER);
    const bytes = new Uint8Array(to);
    bytes.set(content.subarray(0, to));
    return bytes;
  };
  switch (random.below(9)) {
    case 0:
      return put(null);
    case 1:
      return put(resized(size + random.pick([-1, 1, 2, -2, 8, 512, -512])));
    case 2:
      return put(typeof content === 'number' ? resized(size * 2) : changedBytes(content, random));
    case 3: // tail bits, or any
      return put(flipped(content, size - 1, random));
    case 4:
      return put(size <= MAX_BYTES ? new Uint8Array(size).fill(random.pick([0, 1, 0x80, 0xff])) : size + 1);
    case 5:
      return put(random.bytes(random.below(12)));
    case 6:
      return put(
        random.pick([0, 1, 511, 512, 513, 65536, 2 ** 31, 2 ** 40, 2 ** 49, 2 ** 53 - 512, 2 ** 53 - 1]),
      );
    case 7:
      return put(sample.files.get(sample.open) ?? null);
    default:
      return withChecksum(sample, name, random);
  }
}

function flipped(content: Content, at: number, random: Random): Content {
  if (typeof content === 'number')
    return content > 0 && content <= MAX_BYTES ? flipped(new Uint8Array(content), at, random) : content;
  return content.map((byte, index) => (index === at ? byte ^ (1 << random.below(8)) : byte));
}

/** The descriptor gets the checksum of the file, right or of other bytes. */
function withChecksum(sample: Sample, name: string, random: Random): Sample {
  const text = textIn(sample.files.get(sample.open));
  const content = sample.files.get(name)!;
  if (text === null || sizeOf(content) > MAX_BYTES) return sample;
  const bytes = typeof content === 'number' ? new Uint8Array(content) : content;
  const hash = createHash('sha256')
    .update(random.oneIn(3) ? random.bytes(1) : bytes)
    .digest('hex');
  const member = `${JSON.stringify(name)}, "ext-soft-qbm-checksum": "sha256:${hash}"`;
  return withFile(sample, sample.open, bytesOfText(text.replace(JSON.stringify(name), () => member)));
}

/** Of names: what is there, where, and who asks. */
function changedTree(sample: Sample, random: Random): Sample {
  const names = [...sample.files.keys()];
  const name = names.length === 0 ? 'x' : random.pick(names);
  const prefix = sample.open.replace(/\.[^./]*$/, '');
  switch (random.below(8)) {
    case 0:
      return { ...sample, trust: sample.trust === 'local' ? 'stranger' : 'local' };
    case 1: // a directory in its place
      return withFile(withFile(sample, name, null), `${name}/x`, 1);
    case 2:
      return withFile(sample, `${sample.open}.new`, random.below(3));
    case 3:
      return withFile(sample, `${prefix}.${random.pick(ORPHANS)}.bitmap`, 0);
    case 4: {
      const other = names.length === 0 ? 'x' : random.pick(names);
      const [one, two] = [sample.files.get(name) ?? 0, sample.files.get(other) ?? 0];
      return withFile(withFile(sample, name, two), other, one);
    }
    case 5:
      return withFile(sample, name, null);
    case 6:
      return withFile(withFile(sample, name, null), `${name}2`, sample.files.get(name) ?? 0);
    default:
      return { ...sample, open: name };
  }
}

const ORPHANS = [
  ...[
    'b0.dirty',
    'b0~2.dirty',
    'b0~1.dirty',
    'b0~99.allocation',
    'b0~100.dirty',
    'b0~02.dirty',
    'B0.dirty',
    '%42.dirty',
  ],
  ...[
    '%62.dirty',
    '%c3%a9.dirty',
    '%c3.dirty',
    '%00.dirty',
    '%7f.dirty',
    '%c2%80.dirty',
    '.dirty',
    '%%00.dirty',
    'b0.none',
  ],
  ...[
    `%%${'0'.repeat(64)}.dirty`,
    `%%${'0'.repeat(63)}.dirty`,
    `%%${'A'.repeat(64)}.dirty`,
    `${'x'.repeat(240)}.dirty`,
  ],
  ...[
    'b0.x.dirty',
    'b0~2~3.dirty',
    '%.dirty',
    '%4.dirty',
    '%4A.dirty',
    '%4a.dirty',
    'b-_0.allocation',
    '%ef%bb%bf.dirty',
  ],
];
