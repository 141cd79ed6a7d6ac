/** IMG-023. `read` and `readv`: bytes from the node, looked at by their pattern, shown, and reported. */
import type { Passing } from '../block/held/route.js';
import {
  checkSectors,
  LARGEST_REQUEST,
  lengthsArgument,
  patternArgument,
  readOptions,
  sizeArgument,
  usageFailure,
} from './arguments.js';
import { type IoCall, IoFailure, type NodeCommand } from './command.js';
import type { Disk } from './disk.js';
import { type Answer, type Asked, submit } from './held.js';
import { checkRange, RequestError, request, UNSUPPORTED } from './request.js';
import { dump, reportText } from './text.js';

/** What is to become of the bytes. */
export interface Reading {
  readonly offset: bigint;
  readonly length: number;
  /** the byte that all bytes of a part have to be; the part begins `start` bytes into the request */
  readonly pattern: { readonly byte: number; readonly start: number; readonly length: number } | null;
  /** options -C, -q, -v */
  readonly flags: ReadonlySet<string>;
}

export const READ: NodeCommand = {
  name: 'read',
  alias: 'r',
  words: [2, null],
  usage: '[-abCqv] [-P pattern [-s off] [-l len]] off len',
  summary: 'reads bytes',
  help: `
 Reads LEN bytes from OFF on. 'read -P 0x55 -s 512 -l 1k 0 64k' checks that one kilobyte of them has this byte.
 -b, -- the state of a virtual machine instead of the disk; no format here has one
 -C, -- the report as figures with commas between
 -l, -- length of what is compared with the pattern
 -p, -- nothing, as in QEMU
 -P, -- the byte that is to be read everywhere
 -q, -- no report
 -s, -- where in the request the comparison begins
 -v, -- show the bytes

`,
  run(disk, call) {
    let byte: number | undefined;
    let start = 0n;
    let part: bigint | undefined;
    const { flags, operands } = readOptions(READ, call, 'bCl:pP:qs:v', (option, value) => {
      if (option === 'P') byte = patternArgument(value);
      else if (option === 's') start = sizeArgument(call, value);
      else if (option === 'l') part = sizeArgument(call, value);
    });
    if (operands.length !== 2) throw usageFailure(READ);
    const offset = sizeArgument(call, operands[0]!);
    const length = limitedLength(call, operands[1]!);
    if (byte === undefined && (flags.has('s') || flags.has('l'))) throw usageFailure(READ);
    part ??= length - start;
    if (part < 0n || part + start > length)
      throw new IoFailure('print', 'pattern verification range exceeds end of read data\n');
    if (flags.has('b')) {
      checkSectors(offset, length);
      throw new IoFailure('print', `read failed: ${UNSUPPORTED}\n`);
    }
    const pattern = byte === undefined ? null : { byte, start: Number(start), length: Number(part) };
    return performRead(disk, call, 'read', { offset, length: Number(length), pattern, flags });
  },
};

export const READV: NodeCommand = {
  name: 'readv',
  words: [2, null],
  usage: '[-Cqv] [-P pattern] off len [len..]',
  summary: 'reads bytes into several buffers',
  help: `
 Reads, in one request, as many bytes from OFF on as all LEN together. 'readv -v 512 1k 1k' shows two kilobytes.
 -C, -- the report as figures with commas between
 -P, -- the byte that is to be read everywhere
 -q, -- no report
 -v, -- show the bytes

`,
  run: (disk, call) => performRead(disk, call, 'readv', vectorReading(READV, call, 'CP:qv')),
};

/** A length that a request may have. */
export function limitedLength(call: IoCall, text: string): bigint {
  const length = sizeArgument(call, text);
  if (length > LARGEST_REQUEST)
    throw new IoFailure('print', `length cannot exceed ${LARGEST_REQUEST}, given ${text}\n`);
  return length;
}

/** The arguments of readv and aio_read. `take` sees options first, and may end the command. */
export function vectorReading(
  command: NodeCommand,
  call: IoCall,
  options: string,
  take: (option: string) => void = () => {},
): Reading {
  let byte: number | undefined;
  const { flags, operands } = readOptions(command, call, options, (option, value) => {
    take(option);
    if (option === 'P') byte = patternArgument(value);
  });
  if (operands.length < 2) throw usageFailure(command);
  const offset = sizeArgument(call, operands[0]!);
  const length = lengthsArgument(call, operands.slice(1));
  return { offset, length, pattern: byte === undefined ? null : { byte, start: 0, length }, flags };
}

/** Reads, and answers. @param op what failed, in a refusal */
export function performRead(disk: Disk, call: IoCall, op: string, reading: Reading): boolean {
  return startRead(disk, call, op, reading)();
}

/** Reads, unless a breakpoint holds it, and returns what answers: false if that was not what was expected. */
export function startRead(
  disk: Disk,
  call: IoCall,
  op: string,
  reading: Reading,
  tell: (isDone: boolean) => void = () => {},
): Answer {
  const passing: Passing = { op: 'read', offset: Number(reading.offset), length: reading.length };
  return submit(disk, call, { op, passing, tell }, (asked) => readNow(disk, call, reading, asked));
}

function readNow(disk: Disk, { world }: IoCall, reading: Reading, { begin, tell, failed }: Asked): Answer {
  const { offset, length, pattern, flags } = reading;
  let bytes: Uint8Array;
  try {
    checkRange(disk.node, offset, BigInt(length));
    bytes = new Uint8Array(length);
    request.read(disk.node, Number(offset), bytes);
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    tell(false);
    return failed(error.message);
  }
  tell(true);
  const seconds = world.now() - begin;
  return () => {
    const isRight = pattern === null || isPattern(bytes, pattern);
    if (!isRight) {
      const at = Number(offset) + pattern.start;
      world.print(`Pattern verification failed at offset ${at}, ${pattern.length} bytes\n`);
    }
    if (flags.has('q')) return isRight;
    if (flags.has('v')) for (const lines of dump(bytes, Number(offset))) world.print(lines);
    world.print(reportText({ op: 'read', offset: Number(offset), length, seconds, isTerse: flags.has('C') }));
    return isRight;
  };
}

function isPattern(bytes: Uint8Array, { byte, start, length }: NonNullable<Reading['pattern']>): boolean {
  for (let at = start; at < start + length; at++) if (bytes[at] !== byte) return false;
  return true;
}
