/** One thing to read: the files of an image, and who asks for which of them. */
import type { Trust } from '../../../target/target.js';

/** Bytes, or so many zeros. */
export type Content = Uint8Array | number;

export interface Sample {
  /** by name, relative to one directory */
  readonly files: ReadonlyMap<string, Content>;
  /** the descriptor */
  readonly open: string;
  readonly trust: Trust;
}

export function sizeOf(content: Content): number {
  return typeof content === 'number' ? content : content.length;
}

/** Bytes of all files that are no zeros: what it costs to send them. */
export function weightOf({ files }: Sample): number {
  let sum = 0;
  for (const content of files.values()) sum += typeof content === 'number' ? 0 : content.length;
  return sum;
}

/** What is in the way of the name goes: a file is no directory. */
export function withFile(sample: Sample, name: string, content: Content | null): Sample {
  const files = new Map(sample.files);
  if (content === null) files.delete(name);
  else {
    for (const other of sample.files.keys())
      if (other.startsWith(`${name}/`) || name.startsWith(`${other}/`)) files.delete(other);
    files.set(name, content);
  }
  return { ...sample, files };
}

/** The bytes as text, or null if they are none. */
export function textIn(content: Content | undefined): string | null {
  if (content === undefined || typeof content === 'number') return null;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content);
  } catch {
    return null;
  }
}

export function bytesOfText(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** The names of the files that look like descriptors. */
export function descriptorsIn({ files, open }: Sample): string[] {
  return [...files]
    .filter(([name, content]) => name === open || beginsAsObject(content))
    .map(([name]) => name);
}

function beginsAsObject(content: Content): boolean {
  return typeof content !== 'number' && content.length > 8 && content[0] === 0x7b;
}

/** As the steps of a case (cases/README.md), so that a finding can become one. */
export function asSteps({ files, open, trust }: Sample): string {
  const word = trust === 'local' ? ', trust: local' : '';
  const quoted = JSON.stringify;
  const lines = [...files].map(([name, content]) => `  - file: {name: ${quoted(name)}, ${inYaml(content)}}`);
  return [
    'steps:',
    ...lines,
    `  - descriptor: {open: ${quoted(open)}${word}}`,
    `  - check: {image: ${quoted(open)}${word}}`,
  ].join('\n');
}

function inYaml(content: Content): string {
  if (typeof content === 'number') return `size: ${content}`;
  const text = textIn(content);
  if (text !== null && /^[\x20-\x7e\u00a1-\ud7ff\n]{8,}$/.test(text)) return `text: ${JSON.stringify(text)}`;
  return `hex: '${Buffer.from(content)
    .toString('hex')
    .replace(/..(?=.)/g, '$& ')}'`;
}
