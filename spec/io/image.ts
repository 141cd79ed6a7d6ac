/** `discard`, `flush`, `truncate`, `length`, `info`: the node as a whole. */

import { BlockError } from '../block/errors.js';
import { RESIZE, WRITE } from '../block/permissions.js';
import { resize } from '../block/resize.js';
import { Refusal } from '../refusal.js';
import { reasonOf } from '../storage/reason.js';
import { StorageError } from '../storage/storage.js';
import { readOptions, sizeArgument, usageFailure } from './arguments.js';
import { IoFailure, type NodeCommand } from './command.js';
import { limitedLength } from './read.js';
import { checkRange, RequestError, request } from './request.js';
import { amount, reportText } from './text.js';

export const DISCARD: NodeCommand = {
  name: 'discard',
  alias: 'd',
  words: [2, null],
  needs: WRITE,
  usage: '[-Cq] off len',
  summary: 'gives bytes up',
  help: `
 What was in LEN bytes from OFF on is not needed any more. 'discard 64k 64k'
 -C, -- the report as figures with commas between
 -q, -- no report

`,
  run(disk, call) {
    const { flags, operands } = readOptions(DISCARD, call, 'Cq');
    if (operands.length !== 2) throw usageFailure(DISCARD);
    const offset = sizeArgument(call, operands[0]!);
    const length = limitedLength(call, operands[1]!);
    const begin = call.world.now();
    try {
      checkRange(disk.node, offset, length);
      request.discard(disk.node, Number(offset), Number(length));
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      throw new IoFailure('print', `discard failed: ${error.message}\n`);
    }
    if (flags.has('q')) return;
    const seconds = call.world.now() - begin;
    const report = { op: 'discard', offset: Number(offset), length: Number(length), seconds };
    call.world.print(reportText({ ...report, isTerse: flags.has('C') }));
  },
};

export const FLUSH: NodeCommand = {
  name: 'flush',
  alias: 'f',
  words: [0, 0],
  summary: 'brings everything that was written to the disk',
  run(disk) {
    try {
      request.flush(disk.node);
      return true;
    } catch (error) {
      // As in QEMU: nothing is said, but the command has failed.
      if (error instanceof RequestError) return false;
      throw error;
    }
  },
};

const PREALLOCATION = ['off', 'metadata', 'falloc', 'full'];

export const TRUNCATE: NodeCommand = {
  name: 'truncate',
  alias: 't',
  words: [1, 3],
  needs: WRITE | RESIZE,
  usage: '[-m prealloc_mode] off',
  summary: 'makes the image as long as OFF says',
  run(disk, call) {
    let mode = 'off';
    const { operands } = readOptions(TRUNCATE, call, 'm:', (_option, value) => {
      if (!PREALLOCATION.includes(value))
        throw new IoFailure('report', `Invalid preallocation mode '${value}'`);
      mode = value;
    });
    // QEMU dies where there is no size, and shows an option where the size is none.
    if (operands.length === 0) throw usageFailure(TRUNCATE);
    const size = sizeArgument(call, operands[0]!);
    try {
      if (mode === 'metadata') throw new IoFailure('report', 'Unsupported preallocation mode: metadata');
      if (mode !== 'off' && size < disk.node.driver.length())
        throw new IoFailure('report', 'Cannot use preallocation for shrinking files');
      resize(disk.graph, disk.node, size);
    } catch (error) {
      if (error instanceof RequestError) throw new IoFailure('report', 'No medium inserted');
      if (error instanceof StorageError)
        throw new IoFailure('report', `Could not resize file: ${reasonOf(error.errno)}`);
      if (
        error instanceof BlockError &&
        (error.id === 'REF-E-SIZE-MAXIMUM' || error.id === 'REF-E-SIZE-LIMIT')
      )
        throw new IoFailure('report', 'Could not resize file: File too large');
      if (error instanceof Refusal) throw new IoFailure('report', error.message);
      throw error;
    }
  },
};

export const LENGTH: NodeCommand = {
  name: 'length',
  alias: 'l',
  words: [0, 0],
  summary: 'says how long the image is',
  run(disk, call) {
    try {
      call.world.print(`${amount(disk.node.size)}\n`);
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      throw new IoFailure('print', `getlength: ${error.message}\n`);
    }
  },
};

export const INFO: NodeCommand = {
  name: 'info',
  alias: 'i',
  words: [0, 0],
  summary: 'says what the image is',
  run({ node }, call) {
    const { driver } = node;
    call.world.print(`format name: ${driver.name}\n`);
    // What is no format but a place where bytes are is named twice by QEMU.
    const isProtocol = node.children.length === 0;
    if (isProtocol) call.world.print(`format name: ${driver.name}\n`);
    if (driver.name === 'null-co') return false;
    call.world.print(`cluster size: ${amount(driver.clusterSize ?? 0)}\nvm state offset: 0 bytes\n`);
    return true;
  },
};
