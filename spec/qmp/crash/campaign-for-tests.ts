/** Visits the states that crashes of random histories leave, and those that crashes of the recovery from them leave. */
import {
  type CrashCounts,
  type CrashOptions,
  type CrashState,
  everyCrash,
  noCrashes,
} from '../../storage/crash.js';
import type { Storage } from '../../storage/storage.js';
import type { History, Step } from './history-for-tests.js';
import { type FoundBitmap, type FoundBitmaps, judge, opened, promisedOf } from './oracle-for-tests.js';
import { Broken, type Run, runHistory } from './run-for-tests.js';

/** Up to 2^7 combinations a point is visited whole; above, besides the telling ones, so many are drawn. */
const CRASHES = { exhaustiveUpTo: 7, samples: 20 } as const;
/** Every state is opened and closed by a writer, too; what it leaves is looked at for one of so many. */
const EVERY_LEFT = 4;
/** One state of so many is opened by a writer that crashes in its turn. */
const EVERY_RECOVERY = 400;
/** A recovery is short: opened, used a little, closed or not. */
const RECOVERY_CRASHES = { exhaustiveUpTo: 4, samples: 6 } as const;

export interface Counts extends CrashCounts {
  histories: number;
  /** opened by a writer, too, and closed again */
  writers: number;
  /** of crashes of such a writer; in `states`, too */
  recoveries: number;
}

export class Campaign {
  readonly counts: Counts = { ...noCrashes(), histories: 0, writers: 0, recoveries: 0 };
  readonly #distinct = new Set<string>();
  #visited = 0;

  /** States that differ in names or bytes, whatever was promised of them. */
  get distinct(): number {
    return this.#distinct.size;
  }

  /** @param spoil what stands between machine and disk @throws Error with the state that breaks a promise */
  run(history: History, seed: number, spoil?: (storage: Storage) => Storage): void {
    this.counts.histories += 1;
    const run = runHistory(history, undefined, spoil);
    for (const state of everyCrash(run.recording, { ...CRASHES, seed }, this.counts)) {
      this.#visit(run, state, seed, 1);
    }
  }

  #visit(run: Run, state: CrashState, seed: number, level: number): void {
    this.#visited += 1;
    this.#distinct.add(state.key);
    explaining(state, () => {
      const found = judge(run, state);
      if (found === null) return;
      if (level === 1 && this.#visited % EVERY_RECOVERY === 0) this.#recover(run, state, found, seed);
      this.#write(state, found);
    });
  }

  /** A writer opens the image that a reader has seen, and closes it. */
  #write(state: CrashState, found: FoundBitmaps): void {
    this.counts.writers += 1;
    const policy = this.#visited % 2 === 0 ? 'writeback' : 'writethrough';
    expectSame('QBM-027', found, opened('QBM-027', state.storage, policy, false));
    if (this.#visited % EVERY_LEFT === 0)
      expectSame('QBM-036', found, opened('QBM-038', state.storage, policy, true));
  }

  #recover(run: Run, state: CrashState, found: FoundBitmaps, seed: number): void {
    const policy = this.#visited % 2 === 0 ? 'writeback' : 'writethrough';
    const steps: Step[] = [
      { do: 'open', policy, readOnly: false },
      { do: 'write', offset: 0, length: Math.min(700, run.shape.size), fill: 201 },
      { do: 'add', name: 'd', granularity: 4096, persistent: true, disabled: false },
      { do: 'close' },
    ];
    const promised = promisedOf(run, state, found);
    const again = runHistory({ shape: run.shape, steps }, { files: state.storage.files(), promised });
    const options: CrashOptions = { ...RECOVERY_CRASHES, seed };
    for (const next of everyCrash(again.recording, options, this.counts)) {
      this.counts.recoveries += 1;
      this.#visit(again, next, seed, 2);
    }
  }
}

function expectSame(rule: string, found: FoundBitmaps, other: FoundBitmaps): void {
  const names = new Set([...found.keys(), ...other.keys()]);
  for (const name of names) {
    const [one, two] = [textOf(found.get(name)), textOf(other.get(name))];
    if (one !== two) throw new Broken(rule, `bitmap ${name}: a reader found ${one}, now it is ${two}`);
  }
}

function textOf(bitmap: FoundBitmap | undefined): string {
  if (bitmap === undefined) return 'missing';
  if (bitmap.inconsistent) return 'inconsistent';
  return `${bitmap.recording ? 'recording' : 'disabled'} ${Buffer.from(bitmap.bytes).toString('hex')}`;
}

function explaining(state: CrashState, use: () => void): void {
  try {
    use();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const marks = state.marks.map(({ at, label }) => `  #${at} ${label}`);
    error.message = [error.message, ...marks, state.describe()].join('\n');
    throw error;
  }
}
