/**
 * Judges the disk that a crash left against what had been promised by then. FORMAT.md, QBM-027, QBM-029 and QBM-031 to
 * QBM-038, QBM-042. The measure is the data on the disk: a sector that is not what it was when a bitmap began to record
 * has changed. That the bits are besides those of the machine, before or after the step that was going on, is a second one.
 */
import { nodeSha256 } from '../../host/sha256.js';
import { checkImage } from '../../qbm/check/check.js';
import type { Policy } from '../../qbm/descriptor.js';
import { NoWrites } from '../../qbm/image-for-tests.js';
import type { CrashState } from '../../storage/crash.js';
import { SECTOR, type SectorFile } from '../../storage/recording-file.js';
import type { Storage } from '../../storage/storage.js';
import { Machine } from '../machine.js';
import { type Content, DATA, IMAGE, type Seen, sectorsOf, seenIn, Versions } from './content-for-tests.js';
import type { Action } from './history-for-tests.js';
import {
  Broken,
  bytesOf,
  type Done,
  type Known,
  openImage,
  type Promised,
  type Run,
} from './run-for-tests.js';

/** A stored bitmap as an opener finds it. */
export interface FoundBitmap {
  readonly recording: boolean;
  readonly inconsistent: boolean;
  readonly granularity: number;
  readonly bytes: Uint8Array;
}
export type FoundBitmaps = ReadonlyMap<string, FoundBitmap>;

/** What a state has to be measured against: the last step that was done, and the one that was going on. */
export interface Standing {
  readonly last: Promised;
  readonly next: Promised;
  readonly step: Done | null;
}

export function standingAt({ before, done }: Run, point: number): Standing {
  const index = done.findLastIndex(({ to }) => to <= point);
  const last = index < 0 ? before : done[index]!.promised;
  const reached = index < 0 ? 0 : done[index]!.to;
  const step = point > reached ? done[index + 1]! : null;
  return { last, next: step?.promised ?? last, step };
}

/**
 * What a reader finds in the state, and whether that is what was promised; null if there is no image yet, as there need not be.
 * @throws Broken
 */
export function judge(run: Run, state: CrashState): FoundBitmaps | null {
  const standing = standingAt(run, state.point);
  if (standing.last.content === null && state.storage.kind(IMAGE) === null) return null;
  const guarded = new NoWrites(state.storage);
  const found = opened('QBM-038', guarded, 'writeback', true);
  const files = new Map(state.storage.files());
  const seen = seenIn(files, run.shape.overlay?.cluster ?? null);
  judgeData(seen, standing);
  judgePresence(found, standing);
  for (const [name, bitmap] of found) judgeBitmap(name, bitmap, seen, standing);
  judgeCheck(guarded, files);
  return found;
}

/** QBM-042 */
function judgeCheck(storage: Storage, files: ReadonlyMap<string, SectorFile>): void {
  const imageSize = files.get(DATA)!.size;
  const findings = checkImage(storage, IMAGE, { trust: 'stranger', imageSize, makeHash: nodeSha256 });
  const error = findings.find(({ severity }) => severity === 'error');
  if (error !== undefined) throw new Broken('QBM-042', `it opens, but check says ${error.id}: ${error.text}`);
}

/** QBM-034: what was flushed is there, and what was not is something that the guest wrote. */
function judgeData(seen: Seen, { last, next }: Standing): void {
  const [old, recent] = [last.content ?? next.content!, next.content ?? last.content!];
  const sizes = [...old.sizes, ...recent.sizes];
  const size = sectorsOf(seen.size);
  if (!sizes.includes(size)) throw new Broken('QBM-034', `the disk has ${size} sectors, not one of ${sizes}`);
  const check = (place: number): void => {
    if (place * SECTOR >= seen.size || recent.has(place, seen) || old.has(place, seen)) return;
    const known = (recent.sectors.get(place) ?? [null]).map(textOf).join(', ');
    throw new Broken(
      'QBM-034',
      `byte ${place * SECTOR} of the disk is ${textOf(seen.at(place))}, not one of ${known}`,
    );
  };
  for (const place of recent.sectors.keys()) check(place);
  if (old !== recent) for (const place of old.sectors.keys()) if (!recent.sectors.has(place)) check(place);
}

/** QBM-036: a bitmap that was stored is there, and none that nobody knows. */
function judgePresence(found: FoundBitmaps, { last, next, step }: Standing): void {
  for (const [name, { isStored }] of last.bitmaps) {
    const stays = isStored && (next.bitmaps.get(name)?.isStored ?? false);
    if (stays && !found.has(name)) throw new Broken('QBM-036', `bitmap ${name} is lost`);
  }
  for (const name of found.keys()) {
    if (!last.bitmaps.has(name) && !next.bitmaps.has(name) && !addsOf(step).includes(name))
      throw new Broken('QBM-036', `bitmap ${name} is still there`);
  }
}

/** The actions of a transaction that was going on: a crash may come between any two of them. */
function actionsGoingOn(step: Done | null): readonly Action[] {
  const within = step?.step.do === 'die' ? step.step.within : step?.step;
  return within?.do === 'transaction' ? within.actions : [];
}

/** Bitmaps that such a transaction may have added; if it would have been aborted, a crash need not take them back. */
function addsOf(step: Done | null): string[] {
  return actionsGoingOn(step)
    .filter((action) => action.do === 'add' || action.do === 'set-persistent')
    .map((action) => action.name);
}

function judgeBitmap(name: string, found: FoundBitmap, seen: Seen, standing: Standing): void {
  const { last, next } = standing;
  const known = [last, next].map(({ bitmaps }) => bitmaps.get(name)).filter((one) => one !== undefined);
  if (known.length === 0) return;
  const isLost = known[0]!.inconsistent;
  const policies = [last.policy, next.policy];
  // The one way out of writeback is to close the image.
  const mayEnd = standing.step?.step.do === 'close' || standing.step?.step.do === 'die';
  const mustBeLost = isLost || (last.policy === 'writeback' && !mayEnd);
  const mayBeLost = mustBeLost || policies.includes('writeback');
  if (found.inconsistent && !mayBeLost) throw new Broken('QBM-034', `bitmap ${name} is inconsistent`);
  if (!found.inconsistent && mustBeLost)
    throw new Broken('QBM-033', `bitmap ${name} is not inconsistent, though a writer with writeback died`);
  if (found.inconsistent) return;
  const actions = actionsGoingOn(standing.step).filter(
    (action) => action.do !== 'abort' && action.name === name,
  );
  const sinces = known.flatMap(({ since }) => since);
  if (actions.some((action) => action.do === 'clear')) sinces.push(last.content!);
  judgeChanges(name, found, seen, new Set(sinces));
  // Between two actions a bitmap is neither as before all of them nor as after.
  if (actions.length > 0) return;
  if (!known.some(({ recording }) => recording === found.recording))
    throw new Broken('QBM-031', `bitmap ${name}: recording is ${found.recording}`);
  judgeBits(name, found, known, Math.ceil(seen.size / found.granularity));
}

/** The promise itself: a granule that changed since the bitmap began to record is dirty. */
function judgeChanges(name: string, found: FoundBitmap, seen: Seen, since: ReadonlySet<Versions>): void {
  if (!found.recording) return;
  const sinces = [...since];
  const places = new Set(sinces.flatMap(({ sectors }) => [...sectors.keys()]));
  for (const place of places) {
    if (place * SECTOR >= seen.size || isDirty(found, place)) continue;
    if (sinces.some((one) => one.has(place, seen))) continue;
    const was = sinces.map((one) => (one.sectors.get(place) ?? [null]).map(textOf).join(' or ')).join('; ');
    throw new Broken(
      'QBM-034',
      `bitmap ${name} is clean at byte ${place * SECTOR}, which is ${textOf(seen.at(place))} and was ${was}`,
    );
  }
}

/** Each bit as before the step that was going on, or as after it. @param bits how many the bitmap has */
function judgeBits(name: string, found: FoundBitmap, known: readonly Known[], bits: number): void {
  const [old, recent] = [known[0]!.bytes, known.at(-1)!.bytes];
  found.bytes.forEach((byte, index) => {
    const [one, other] = [old[index] ?? 0, recent[index] ?? 0];
    // A resize that was not flushed may be lost, and the bits beyond the end with it.
    const inside = 0xff >> Math.max(0, (index + 1) * 8 - bits);
    if ((one & other & inside & ~byte) === 0 && (byte & ~(one | other)) === 0) return;
    throw new Broken(
      'QBM-036',
      `bitmap ${name}: byte ${index} is ${byte}, before the step ${one}, after it ${other}`,
    );
  });
}

function isDirty({ bytes, granularity }: FoundBitmap, place: number): boolean {
  const index = Math.floor((place * SECTOR) / granularity);
  return ((bytes[Math.floor(index / 8)]! >> (index % 8)) & 1) === 1;
}

function textOf(content: Content): string {
  if (content === null) return 'zeros';
  return `${Buffer.from(content.bytes.subarray(0, 4)).toString('hex')}…`;
}

/** What an opener finds; the image is closed again. @throws Broken */
export function opened(rule: string, storage: Storage, policy: Policy, readOnly: boolean): FoundBitmaps {
  const machine = new Machine({ storage, makeHash: nodeSha256 });
  openImage(machine, policy, readOnly, rule);
  const bitmaps = machine.graph.lookup('', 'disk').bitmaps.map((bitmap) => {
    const { recording, inconsistent, granularity } = bitmap;
    return [bitmap.name!, { recording, inconsistent, granularity, bytes: bytesOf(bitmap) }] as const;
  });
  machine.shutDown();
  return new Map(bitmaps);
}

/** What is known of a state once a reader has seen it: for histories that begin with it. */
export function promisedOf(run: Run, state: CrashState, found: FoundBitmaps): Promised {
  const files = new Map(state.storage.files());
  const seen = seenIn(files, run.shape.overlay?.cluster ?? null);
  const { last, next } = standingAt(run, state.point);
  const places = new Set([...(last.content?.sectors.keys() ?? []), ...next.content!.sectors.keys()]);
  const bitmaps = [...found].map(([name, { recording, inconsistent, bytes }]) => {
    const since = [last, next].flatMap(({ bitmaps }) => bitmaps.get(name)?.since ?? []);
    return [name, { recording, inconsistent, bytes, since: [...new Set(since)], isStored: true }] as const;
  });
  return { content: Versions.of(seen, places), policy: null, bitmaps: new Map(bitmaps) };
}
