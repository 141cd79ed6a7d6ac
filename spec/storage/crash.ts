/**
 * What may be on the disk after a crash (a loss of power, not merely of the process) at a point of a recording.
 *
 * The model is as hostile as what Linux file systems document, and no more; every storage that keeps the promises of
 * `storage.ts` leaves one of these states. At a point, each of the following is decided by itself:
 *
 * - **A sector** (512 bytes) of a file holds any one of the contents it had since the last `flush` of that file. The cache
 *   writes back when and in what order it likes, and a sector is what a disk writes as a whole; so a write of 4 KiB tears
 *   into eight, and a later write may be there without an earlier one. A content is that of the cache: of two writes to
 *   two parts of one sector, the second never is there without the first.
 * - **The size** of a file is any of those it had since that flush. A write past the end may have moved it to any multiple
 *   of 512 on its way (ext4 and XFS move the end as the data arrives). What lies past the end found is gone, and reads as
 *   zeros when the file grows again. What the end covers and was never written is zeros: no file system gives out old
 *   contents of others.
 * - **A name** stands for any of the files (or none) that it stood for since the last `flushDirectory` of its directory.
 *   Each name goes by itself: POSIX promises no order, and ext4 without its journal keeps none. So after a rename the new
 *   name has the old file or the new one and is never missing; the old name may be there or not, independently: both
 *   names, one file; and a file whose old name is gone and whose new one is not yet there is lost.
 * - `flush(file)` makes its bytes and its size durable, not its name (POSIX; many file systems do more). And the reverse: a
 *   name made durable says nothing about the bytes: a new file may be found empty or in parts.
 *
 * Nothing is torn within a sector, nothing durable rots, nothing is reordered across a flush. An operation that was going
 * on is one of the done ones here, as any part of it may be lost; a flush that was going on is one not yet done.
 *
 * A point has as many states as the choices have combinations: all of them are visited up to a limit, above it a sample.
 */
import { CrashDisk } from './crash-disk.js';
import { combinations, everyPick, type Picks, sampledPicks, tellingPicks } from './crash-picks.js';
import { type CrashPoint, CrashState } from './crash-state.js';
import type { Mark, Recording } from './recording.js';
import { mix } from './recording-fingerprint.js';

export { CrashState } from './crash-state.js';

export interface CrashOptions {
  /** for the samples; the same seed gives the same states */
  readonly seed: number;
  /** A point with at most 2^this combinations is visited whole. Default 12. */
  readonly exhaustiveUpTo?: number;
  /** How many combinations of any other point are drawn, besides the telling ones. Default 200. */
  readonly samples?: number;
}

/** What an iteration did. */
export interface CrashCounts {
  /** given out, each different from the others */
  states: number;
  /** left out as the same as one given out */
  repeated: number;
  exhaustivePoints: number;
  sampledPoints: number;
}

export function noCrashes(): CrashCounts {
  return { states: 0, repeated: 0, exhaustivePoints: 0, sampledPoints: 0 };
}

/**
 * The states, each once, that a crash may leave after the first `point` operations of a recording. @throws RangeError for
 * a point that the recording does not have
 */
export function* crashStates(
  recording: Recording,
  point: number,
  options: CrashOptions,
  counts: CrashCounts = noCrashes(),
): Generator<CrashState> {
  const { operations } = recording;
  if (!(Number.isInteger(point) && point >= 0 && point <= operations.length)) {
    throw new RangeError(`point ${point}: the recording has points 0 to ${operations.length}`);
  }
  const disk = new CrashDisk(recording);
  for (const operation of operations.slice(0, point)) disk.apply(operation);
  const here = { recording, point, marks: marksBy(recording, point), possible: disk.possible() };
  yield* statesAt(here, options, counts, new Set());
}

/**
 * The states that a crash at any point of a recording may leave, in order of the points. A state is given out again when
 * marks have been made since: the same bytes may keep one promise and break the next. So whoever checks a state has to
 * check it against {@link CrashState.marks}, and sees it with every set of them.
 */
export function* everyCrash(
  recording: Recording,
  options: CrashOptions,
  counts: CrashCounts = noCrashes(),
): Generator<CrashState> {
  const disk = new CrashDisk(recording);
  let seen = new Set<string>();
  let marks: readonly Mark[] = [];
  for (let point = 0; point <= recording.operations.length; point++) {
    if (point > 0) disk.apply(recording.operations[point - 1]!);
    const later = recording.marks[marks.length];
    if (later !== undefined && later.at <= point) {
      marks = marksBy(recording, point);
      seen = new Set();
    }
    yield* statesAt({ recording, point, marks, possible: disk.possible() }, options, counts, seen);
  }
}

function marksBy(recording: Recording, point: number): readonly Mark[] {
  return recording.marks.slice(0, recording.marks.findLastIndex((mark) => mark.at <= point) + 1);
}

function* statesAt(
  here: CrashPoint,
  options: CrashOptions,
  counts: CrashCounts,
  seen: Set<string>,
): Generator<CrashState> {
  const { exhaustiveUpTo = 12, samples = 200, seed } = options;
  const whole = combinations(here.possible) <= 2 ** exhaustiveUpTo;
  if (whole) counts.exhaustivePoints += 1;
  else counts.sampledPoints += 1;
  const picks = whole ? everyPick(here.possible) : pickSome(here, samples, seed);
  for (const pick of picks) {
    const state = new CrashState(here, pick);
    if (seen.has(state.key)) {
      counts.repeated += 1;
      continue;
    }
    seen.add(state.key);
    counts.states += 1;
    yield state;
  }
}

function* pickSome({ possible, point }: CrashPoint, samples: number, seed: number): Generator<Picks> {
  yield* tellingPicks(possible);
  yield* sampledPicks(possible, samples, mix(seed | 0, point));
}
