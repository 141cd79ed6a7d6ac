/**
 * What the reference says of a sample, by every way it has to read one: the reader and check, the block driver for reading
 * and for writing, repair. Where they contradict each other, or one throws what is no refusal, that is a mistake.
 */
import { asDriverReads, hasOddSize, readByDriver } from '../../target/reference/driver.js';
import { ReferenceFormat } from '../../target/reference/format.js';
import type { CheckReport, FormatRefusal, InspectedBitmap, Inspection } from '../../target/target.js';
import { CountedStorage, TooLarge } from './counted.js';
import { type Sample, sizeOf } from './samples/sample.js';

/** What a reader says of a sample. */
export interface Verdict {
  readonly seen: Inspection | FormatRefusal;
  readonly report: CheckReport | FormatRefusal;
}

/** The reference is wrong, by what it says itself. */
export class Mistake extends Error {
  /** which of its ways of reading are at odds; a sample that is made smaller has to keep it */
  readonly kind: string;
  constructor(kind: string, text: string) {
    super(`${kind}: ${text}`);
    this.name = 'Mistake';
    this.kind = kind;
  }
}

const DIRECTORY = '/case';

export class Reference {
  /** the most that any sample took */
  readonly most = { opens: 0, bytes: 0 };

  /** @param isThorough also by the driver and by repair @throws Mistake; TooLarge for a sample that is no use */
  async verdict(sample: Sample, isThorough: boolean): Promise<Verdict> {
    const verdict = await this.#read(sample);
    if (!isThorough) return verdict;
    this.#drive(sample, verdict, true);
    this.#drive(sample, verdict, false);
    try {
      await this.#repair(sample, verdict);
    } catch (error) {
      if (!(error instanceof TooLarge)) throw error; // it is no use for this only
    }
    return verdict;
  }

  async #read(sample: Sample): Promise<Verdict> {
    const storage = filesOf(sample);
    const format = new ReferenceFormat(storage, DIRECTORY);
    const { open, trust } = sample;
    const verdict = await guarded('read', async () => ({
      // This compares with check, too.
      seen: await format.inspect(open, { trust, verify: false }),
      report: await format.check(open, { trust, repair: false }),
    }));
    this.#note(storage);
    untouched('read', storage);
    return verdict;
  }

  /** Opens and closes; what could be opened for writing reads the same after that. */
  #drive(sample: Sample, { seen, report }: Verdict, readOnly: boolean): void {
    const storage = filesOf(sample);
    const way = readOnly ? 'driver' : 'driver for writing';
    const { open, trust } = sample;
    const driver = guardedSync(way, () => readByDriver(storage, `${DIRECTORY}/${open}`, { trust, readOnly }));
    this.#note(storage);
    const isOpen = /^\d/.test(driver);
    if (readOnly || (!isOpen && !hasTooLarge(sample))) untouched(way, storage);
    const refusals = errorsOf({ seen, report });
    if (!isOpen) {
      if (refusals.includes(driver) || driver === asDriverReads(seen)) return;
      if (driver === 'REF-E-TOO-LARGE' && hasTooLarge(sample)) return;
      // QBM-035
      if (
        !readOnly &&
        driver === 'QBM-E-NOT-REGULAR' &&
        [...sample.files.keys()].some((name) => name.includes('.new/'))
      )
        return;
      throw new Mistake(way, `${driver}, the reader says ${refusals.join(', ') || 'that it opens'}`);
    }
    if (refusals.length > 0) throw new Mistake(way, `opens, the reader says ${refusals.join(', ')}`);
    if (!hasOddSize(seen) && driver !== asDriverReads(seen))
      throw new Mistake(way, `${driver} where the reader sees ${asDriverReads(seen)}`);
    if (readOnly) return;
    const again = guardedSync(way, () =>
      readByDriver(storage, `${DIRECTORY}/${open}`, { trust, readOnly: true }),
    );
    if (again !== driver) throw new Mistake(`${way}, then read`, `${again} where ${driver} was written`);
  }

  /** QBM-043: only ever more dirty, and what has no error left opens. */
  async #repair(sample: Sample, before: Verdict): Promise<void> {
    const storage = filesOf(sample);
    const format = new ReferenceFormat(storage, DIRECTORY);
    const { open, trust } = sample;
    const after = await guarded('repair', async () => ({
      report: await format.check(open, { trust, repair: true }),
      seen: await format.inspect(open, { trust, verify: false }),
    }));
    const left = errorsOf(after);
    if (left.length > 0) untouched('repair', storage);
    if ('error' in before.seen || 'error' in after.seen) {
      if (!('error' in before.seen)) throw new Mistake('repair', `opened before, then ${left.join(', ')}`);
      return;
    }
    const found = new Map(after.seen.bitmaps.map((bitmap) => [bitmap.name, bitmap]));
    for (const bitmap of before.seen.bitmaps) {
      const now = found.get(bitmap.name);
      if (now === undefined || !covers(now, bitmap))
        throw new Mistake('repair', `bitmap ${JSON.stringify(bitmap.name)} has lost dirty granules`);
    }
  }

  #note({ opens, bytes }: CountedStorage): void {
    this.most.opens = Math.max(this.most.opens, opens);
    this.most.bytes = Math.max(this.most.bytes, bytes);
  }
}

/** The ids of what refuses the sample; none if it opens. */
export function errorsOf({ seen, report }: Verdict): string[] {
  const own = 'error' in seen ? [seen.error.id] : [];
  if ('error' in report) return [...own, report.error.id];
  const found = report.findings.filter(({ severity }) => severity === 'error').map(({ id }) => id);
  return [...new Set([...own, ...found])];
}

/** QBM-018: whoever counts a disk in sectors may refuse the last 511 sizes. */
function hasTooLarge({ files }: Sample): boolean {
  return [...files.values()].some((content) => sizeOf(content) > Number.MAX_SAFE_INTEGER - 511);
}

function covers(now: InspectedBitmap, before: InspectedBitmap): boolean {
  if (now.areas === null || before.areas === null) return before.areas === null;
  return before.areas.every(({ offset, length }) =>
    now.areas!.some((area) => area.offset <= offset && area.offset + area.length >= offset + length),
  );
}

function filesOf(sample: Sample): CountedStorage {
  const storage = new CountedStorage();
  for (const [name, content] of sample.files) storage.put(`${DIRECTORY}/${name}`, content);
  return storage;
}

function untouched(way: string, { touched }: CountedStorage): void {
  if (touched.length > 0) throw new Mistake(`${way} that changes`, touched.join('; '));
}

async function guarded<T>(way: string, use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } catch (error) {
    throw asMistake(way, error);
  }
}

function guardedSync<T>(way: string, use: () => T): T {
  try {
    return use();
  } catch (error) {
    throw asMistake(way, error);
  }
}

function asMistake(way: string, error: unknown): Error {
  if (error instanceof TooLarge) return error;
  if (!(error instanceof Error)) return new Mistake(`${way} throws`, String(error));
  return new Mistake(`${way} throws ${error.name}`, error.stack ?? error.message);
}
