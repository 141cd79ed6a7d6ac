/**
 * IMG-025. `aio_read`, `aio_write`, `aio_flush`. A request is done when it is made; its answer waits until somebody waits. QEMU
 * leaves open when between the two it happens, and in which order with other requests that nobody has waited for.
 */
import type { RequestKind } from '../block/device/counters.js';
import { WRITE } from '../block/permissions.js';
import { lengthsArgument, patternArgument, readOptions, sizeArgument, usageFailure } from './arguments.js';
import { completeAio, type IoCall, IoFailure, type NodeCommand } from './command.js';
import type { Disk } from './disk.js';
import { startRead, vectorReading } from './read.js';
import { filled, startWrite, USUAL_BYTE, type Writing } from './write.js';

/** `-i`: the request is not made. */
class Injected extends Error {}

export const AIO_READ: NodeCommand = {
  name: 'aio_read',
  words: [2, null],
  usage: '[-Ciqv] [-P pattern] off len [len..]',
  summary: 'reads bytes; the answer comes later',
  help: `
 Reads as readv does, and waits for nothing: aio_flush does. A request that was made counts as success.
 -C, -- the report as figures with commas between
 -i, -- make no request, and count it as an invalid one
 -P, -- the byte that is to be read everywhere
 -q, -- no report
 -v, -- show the bytes

`,
  run: (disk, call) =>
    unlessInjected(disk, call, 'rd', () => {
      const reading = vectorReading(AIO_READ, call, 'CP:iqv', checkInjected);
      const count = counting(disk, 'rd', reading.length);
      call.aio.push(startRead(disk, call, 'readv', reading, count));
    }),
};

export const AIO_WRITE: NodeCommand = {
  name: 'aio_write',
  words: [2, null],
  needs: WRITE,
  usage: '[-Cfiquz] [-P pattern] off len [len..]',
  summary: 'writes bytes; the answer comes later',
  help: `
 Writes as writev does, and waits for nothing: aio_flush does. A request that was made counts as success.
 -C, -- the report as figures with commas between
 -f, -- on disk before the report
 -i, -- make no request, and count it as an invalid one
 -P, -- the byte to write; otherwise 0xcd
 -q, -- no report
 -u, -- with -z: what is zero need not be stored
 -z, -- zeros

`,
  run: (disk, call) =>
    unlessInjected(disk, call, 'wr', () => {
      const writing = writingOf(call);
      // Zeros are counted by nobody.
      const count = writing.bytes === null ? undefined : counting(disk, 'wr', Number(writing.length));
      call.aio.push(startWrite(disk, call, 'aio_write', writing, count));
    }),
};

export const AIO_FLUSH: NodeCommand = {
  name: 'aio_flush',
  words: [0, 0],
  summary: 'waits for all answers that are due',
  run(disk, call) {
    completeAio(call.aio);
    disk.counters?.done('flush', 0);
  },
};

function writingOf(call: IoCall): Writing {
  let byte = USUAL_BYTE;
  const { flags, operands } = readOptions(AIO_WRITE, call, 'CfiqP:uz', (option, value) => {
    checkInjected(option);
    if (option === 'P') byte = patternArgument(value);
  });
  if (operands.length < 2) throw usageFailure(AIO_WRITE);
  const isZero = flags.has('z');
  if (isZero && operands.length !== 2)
    throw new IoFailure('print', '-z supports only a single length parameter\n');
  if (flags.has('u') && !isZero) throw new IoFailure('print', '-u requires -z to be specified\n');
  const offset = sizeArgument(call, operands[0]!);
  if (isZero) return { offset, length: sizeArgument(call, operands[1]!), bytes: null, flags };
  const length = BigInt(lengthsArgument(call, operands.slice(1)));
  return { offset, length, bytes: filled(byte), flags };
}

function checkInjected(option: string): void {
  if (option === 'i') throw new Injected();
}

function unlessInjected(disk: Disk, call: IoCall, kind: 'rd' | 'wr', make: () => void): void {
  try {
    make();
  } catch (error) {
    if (!(error instanceof Injected)) throw error;
    call.world.print(`injecting invalid ${kind === 'rd' ? 'read' : 'write'} request\n`);
    disk.counters?.invalid(kind);
  }
}

/** REF-112 */
function counting({ counters }: Disk, kind: RequestKind, bytes: number): (isDone: boolean) => void {
  return (isDone) => {
    if (isDone) counters?.done(kind, bytes);
    else counters?.failed(kind);
  };
}
