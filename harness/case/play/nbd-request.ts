/** What an NBD server answers to requests, as transcripts show it: content by runs of the same byte, extents by context. */
import { createHash } from 'node:crypto';
import { type Chunk, type Extent, NbdGarbage } from '../../nbd/talk.js';
import { type NbdRequestStep, REQUEST_FLAGS, REQUESTS } from '../nbd-step.js';
import type { Connection } from './nbd.js';
import { hexByte } from './question.js';

/** A content with more runs than this is printed as its hash. */
const MOST_RUNS = 32;
/** What a write writes when the case does not say. */
const DEFAULT_PATTERN = 0xcd;

export async function answerRequest(connection: Connection, step: NbdRequestStep): Promise<string[]> {
  const { request, offset, length, pattern } = step;
  const type = typeof request === 'number' ? request : REQUESTS[request];
  const flags = step.flags.reduce((bits, flag) => bits | REQUEST_FLAGS[flag], 0);
  const payload = request === 'write' ? Buffer.alloc(length, pattern ?? DEFAULT_PATTERN) : undefined;
  const asked = { type, flags, offset, length };
  const chunks = await connection.talk.request(payload === undefined ? asked : { ...asked, payload });
  const error = chunks.find((chunk) => chunk.kind === 'error');
  if (error !== undefined) return [`   error ${error.errno}`];
  if (request === 'read') return readLines(step, chunks);
  const lines = chunks.flatMap((chunk) => statusLines(connection, offset, chunk));
  return lines.length === 0 ? ['   ok'] : lines;
}

function readLines(step: NbdRequestStep, chunks: readonly Chunk[]): string[] {
  const bytes = Buffer.alloc(step.length);
  const lines: string[] = [];
  let filled = 0;
  for (const chunk of chunks) {
    if (chunk.kind !== 'data' && chunk.kind !== 'hole') continue;
    const size = chunk.kind === 'data' ? chunk.bytes.length : chunk.length;
    const at = chunk.offset - step.offset;
    if (at < 0 || at + size > step.length) throw new NbdGarbage('data outside of the range that was read');
    if (chunk.kind === 'data') chunk.bytes.copy(bytes, at);
    filled += size;
    lines.push(`   ${chunk.kind} ${chunk.offset}+${size}`);
  }
  if (filled !== step.length) throw new NbdGarbage(`${filled} bytes in reply to a read of ${step.length}`);
  return [...(step.chunks ? lines : []), ...contentLines(step, bytes)];
}

function contentLines({ offset, pattern }: NbdRequestStep, bytes: Buffer): string[] {
  if (pattern !== undefined) {
    const at = bytes.findIndex((byte) => byte !== pattern);
    return [at < 0 ? '   ok' : `   mismatch at ${offset + at}: ${hexByte(bytes[at]!)}`];
  }
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    let end = at + 1;
    while (end < bytes.length && bytes[end] === bytes[at]) end++;
    if (lines.length === MOST_RUNS) return [`   sha256 ${createHash('sha256').update(bytes).digest('hex')}`];
    lines.push(`   ${offset + at}+${end - at} ${hexByte(bytes[at]!)}`);
    at = end;
  }
  return lines.length === 0 ? ['   nothing'] : lines;
}

function statusLines({ contexts }: Connection, offset: number, chunk: Chunk): string[] {
  if (chunk.kind !== 'status') return [];
  const name = contexts.get(chunk.context);
  if (name === undefined) throw new NbdGarbage('a status of a context that was not chosen');
  let at = offset;
  const extents = chunk.extents.map((extent) => {
    const line = `      ${at}+${extent.length} ${meaning(name, extent)}`;
    at += extent.length;
    return line;
  });
  return [`   ${name}`, ...extents];
}

function meaning(context: string, { flags }: Extent): string {
  if (context === 'base:allocation') {
    const states = [...((flags & 1) === 0 ? [] : ['hole']), ...((flags & 2) === 0 ? [] : ['zero'])];
    return flags > 3 ? `flags ${flags}` : states.join(', ') || 'data';
  }
  if (context.startsWith('qemu:dirty-bitmap:')) return ['clean', 'dirty'][flags] ?? `flags ${flags}`;
  return String(flags);
}
