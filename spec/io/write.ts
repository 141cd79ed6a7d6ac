/** IMG-024. `write` and `writev`: a byte, a file's content or zeros to the node. */

import type { Passing } from '../block/held/route.js';
import { WRITE as WRITING } from '../block/permissions.js';
import { reasonOf } from '../storage/reason.js';
import { StorageError } from '../storage/storage.js';
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
import { reportText } from './text.js';

/** What is written when nothing else is said. */
export const USUAL_BYTE = 0xcd;

/** What is to be written. */
export interface Writing {
  readonly offset: bigint;
  readonly length: bigint;
  /** makes the bytes, once the range is known to be good; null: zeros, without bytes */
  readonly bytes: ((length: number) => Uint8Array) | null;
  /** options -C, -f, -q, and for zeros -n */
  readonly flags: ReadonlySet<string>;
}

export const WRITE: NodeCommand = {
  name: 'write',
  alias: 'w',
  words: [2, null],
  needs: WRITING,
  usage: '[-bcCfnquz] [-P pattern | -s source_file] off len',
  summary: 'writes bytes',
  help: `
 Writes LEN bytes from OFF on; each is 0xcd unless something else is said. 'write -P 0x55 0 64k'
 -b, -- to the state of a virtual machine instead of the disk; no format here has one
 -c, -- compressed; no format here does that
 -C, -- the report as figures with commas between
 -f, -- on disk before the report
 -n, -- with -z: not by writing bytes
 -p, -- nothing, as in QEMU
 -P, -- the byte to write
 -q, -- no report
 -s, -- a file whose content is written, again and again until all is filled
 -u, -- with -z: what is zero need not be stored
 -z, -- zeros

`,
  run(disk, call) {
    let byte = USUAL_BYTE;
    let source: string | undefined;
    const { flags, operands } = readOptions(WRITE, call, 'bcCfnpP:qs:uz', (option, value) => {
      if (option === 'P') byte = patternArgument(value);
      else if (option === 's') source = value;
    });
    if (operands.length !== 2) throw usageFailure(WRITE);
    checkFlags(flags);
    const offset = sizeArgument(call, operands[0]!);
    const length = lengthOf(call, operands[1]!, flags);
    if (flags.has('b') || flags.has('c')) checkSectors(offset, length);
    const bytes = flags.has('z') ? null : source === undefined ? filled(byte) : contentOf(call, source);
    if (flags.has('b') || (flags.has('c') && bytes !== null)) {
      throw new IoFailure('print', `write failed: ${UNSUPPORTED}\n`);
    }
    return startWrite(disk, call, 'write', { offset, length, bytes, flags })();
  },
};

export const WRITEV: NodeCommand = {
  name: 'writev',
  words: [2, null],
  needs: WRITING,
  usage: '[-Cfq] [-P pattern] off len [len..]',
  summary: 'writes bytes from several buffers',
  help: `
 Writes, in one request, as many bytes from OFF on as all LEN together. 'writev 512 1k 1k' writes two kilobytes.
 -C, -- the report as figures with commas between
 -f, -- on disk before the report
 -P, -- the byte to write; otherwise 0xcd
 -q, -- no report

`,
  run(disk, call) {
    let byte = USUAL_BYTE;
    const { flags, operands } = readOptions(WRITEV, call, 'CfqP:', (option, value) => {
      if (option === 'P') byte = patternArgument(value);
    });
    if (operands.length < 2) throw usageFailure(WRITEV);
    const offset = sizeArgument(call, operands[0]!);
    const length = BigInt(lengthsArgument(call, operands.slice(1)));
    return startWrite(disk, call, 'writev', { offset, length, bytes: filled(byte), flags })();
  },
};

/** Options that exclude or need each other, in the order in which QEMU looks. */
function checkFlags(flags: ReadonlySet<string>): void {
  const refuse = (text: string): never => {
    throw new IoFailure('print', `${text}\n`);
  };
  if (flags.has('b') && flags.has('z')) refuse('-b and -z cannot be specified at the same time');
  if (flags.has('f') && (flags.has('b') || flags.has('c')))
    refuse('-f and -b or -c cannot be specified at the same time');
  if (flags.has('n') && !flags.has('z')) refuse('-n requires -z to be specified');
  if (flags.has('u') && !flags.has('z')) refuse('-u requires -z to be specified');
  if (['z', 'P', 's'].filter((flag) => flags.has(flag)).length > 1)
    refuse('Only one of -z, -P, and -s can be specified at the same time');
}

/** Zeros that are not written byte by byte may be of any length. */
function lengthOf(call: IoCall, text: string, flags: ReadonlySet<string>): bigint {
  const length = sizeArgument(call, text);
  if (length > LARGEST_REQUEST && !flags.has('n')) {
    throw new IoFailure(
      'print',
      `length cannot exceed ${LARGEST_REQUEST} without -n, given ${text}
`,
    );
  }
  return length;
}

export function filled(byte: number): (length: number) => Uint8Array {
  return (length) => new Uint8Array(length).fill(byte);
}

/** The content of a file, over and over. The file is looked at now, and read when it is clear that it is wanted. */
function contentOf(call: IoCall, name: string): (length: number) => Uint8Array {
  const fail = (error: unknown): never => {
    if (!(error instanceof StorageError)) throw error;
    throw new IoFailure('complain', `${name}: ${reasonOf(error.errno)}\n`);
  };
  try {
    const file = call.world.storage.open(name);
    const { size } = file;
    file.close();
    if (size === 0) throw new IoFailure('complain', `${name}: file is empty\n`);
  } catch (error) {
    if (error instanceof IoFailure) throw error;
    fail(error);
  }
  return (length) => {
    const file = call.world.storage.open(name);
    try {
      const bytes = new Uint8Array(length);
      const found = Math.min(file.size, length);
      file.read(0, bytes.subarray(0, found));
      for (let at = found; at < length; at += found) bytes.copyWithin(at, 0, Math.min(found, length - at));
      return bytes;
    } catch (error) {
      return fail(error);
    } finally {
      file.close();
    }
  };
}

/** Writes, unless a breakpoint holds it, and returns what answers. @param op what failed, in a refusal */
export function startWrite(
  disk: Disk,
  call: IoCall,
  op: string,
  writing: Writing,
  tell: (isDone: boolean) => void = () => {},
): Answer {
  const { offset, length, bytes } = writing;
  const kind = bytes === null ? 'zero' : 'write';
  const passing: Passing = { op: kind, offset: Number(offset), length: Number(length) };
  return submit(disk, call, { op, passing, tell }, (asked) => writeNow(disk, call, writing, asked));
}

function writeNow(disk: Disk, { world }: IoCall, writing: Writing, { begin, tell, failed }: Asked): Answer {
  const { offset, length, flags } = writing;
  try {
    perform(disk, writing);
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    tell(false);
    return failed(error.message);
  }
  tell(true);
  const seconds = world.now() - begin;
  return () => {
    if (flags.has('q')) return true;
    const report = { op: 'wrote', offset: Number(offset), length: Number(length), seconds };
    world.print(reportText({ ...report, isTerse: flags.has('C') }));
    return true;
  };
}

function perform({ node, writesThrough }: Disk, { offset, length, bytes, flags }: Writing): void {
  checkRange(node, offset, length);
  if (bytes !== null) request.write(node, Number(offset), bytes(Number(length)));
  else {
    // QEMU's null-co has no way to write zeros but as bytes.
    if (flags.has('n') && node.driver.name === 'null-co') throw new RequestError(UNSUPPORTED);
    request.zero(node, Number(offset), Number(length));
  }
  if (flags.has('f') || writesThrough) request.flush(node);
}
