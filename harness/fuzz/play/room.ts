/**
 * Whether a target did otherwise because the disk with its files is full: that says nothing of the target, and every history
 * after it would end so, too.
 */
import { statfsSync } from 'node:fs';
import type { Step } from '../../case/case.js';
import type { Outcome } from '../history.js';

/** With less than this left, whatever went wrong may have gone wrong because of it. Bytes. */
const LEAST = 2 ** 20;
/** With less than this, a request can have been too long for what is left, which is as it was then. */
const LONGEST = 2 ** 26;

const SAYS_SO = /No space left on device|\bENOSPC\b/;
/** ENOSPC as a fault that a step asks for, also within the JSON of a tool's argument. */
const ASKS_FOR_IT = /\berrno\W{1,8}28\b/;

/** What is left where the files of a history are, in bytes; null where that cannot be told. */
export function roomIn(directory: string | null): number | null {
  if (directory === null) return null;
  try {
    const { blocks, bsize, bfree, bavail, files, ffree } = statfsSync(directory);
    if (blocks === 0) return null;
    if (files > 0 && ffree === 0) return 0;
    return bsize * (process.getuid?.() === 0 ? bfree : bavail);
  } catch {
    return null;
  }
}

/**
 * What a bad outcome is where the disk is full: then it is that, and no finding. Others stay as they are.
 * @param room as it was before the files of the history were removed
 */
export function unlessFull(
  outcome: Outcome,
  steps: readonly Step[],
  { directory, room }: { readonly directory: string | null; readonly room: number | null },
): Outcome {
  if (room === null || room >= LONGEST || !mayBeOfRoom(outcome)) return outcome;
  if (room >= LEAST && !(saysSo(outcome) && !ASKS_FOR_IT.test(JSON.stringify(steps)))) return outcome;
  return {
    kind: 'surroundings',
    message: `no space is left for the files of histories: ${directory} has ${room} bytes left; make room, or set TMPDIR to a directory that has more`,
  };
}

function mayBeOfRoom({ kind }: Outcome): boolean {
  return kind === 'differs' || kind === 'crash' || kind === 'hang' || kind === 'garbage';
}

/** Whether it says that there was no room, which the model does not. */
function saysSo(outcome: Outcome): boolean {
  switch (outcome.kind) {
    case 'differs':
      return (
        outcome.observed.some((line) => SAYS_SO.test(line)) &&
        !outcome.expected.some((line) => SAYS_SO.test(line))
      );
    case 'crash':
    case 'hang':
    case 'garbage':
      return SAYS_SO.test(outcome.message) || SAYS_SO.test(outcome.stderr);
    default:
      return false;
  }
}
