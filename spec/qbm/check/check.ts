/**
 * What is wrong with an image, all of it, without changing anything. An image that a reader opens has no finding of the
 * severity `error`, and the reverse. FORMAT.md, QBM-042 and QBM-043.
 */
import type { Sha256 } from '../../bitmap/serialise.js';
import type { Storage } from '../../storage/storage.js';
import { type Descriptor, references } from '../descriptor.js';
import { QbmError } from '../errors.js';
import { isBitmapFileOf, temporaryName } from '../names.js';
import { readDescriptor } from '../read-descriptor.js';
import { DescriptorFile } from '../update.js';
import { asRefusal, errorFinding, type Finding, finding } from './finding.js';
import { Look, type LookOptions } from './look.js';

export interface CheckOptions extends LookOptions {
  readonly makeHash: () => Sha256;
  /** the names of the files in the descriptor's directory; for finding orphans */
  readonly beside?: readonly string[];
}

/** @throws QbmError QBM-E-LOCKED while a writer has the image open */
export function checkImage(storage: Storage, name: string, options: CheckOptions): Finding[] {
  const opened = openOrFinding(storage, name, 'shared');
  if (!(opened instanceof DescriptorFile)) return [opened];
  try {
    return findingsOf(storage, name, opened.content, options).findings;
  } finally {
    opened.close();
  }
}

/** The descriptor, or why it cannot be read. @throws QbmError QBM-E-LOCKED */
export function openOrFinding(
  storage: Storage,
  name: string,
  lock: 'shared' | 'exclusive',
): DescriptorFile | Finding {
  try {
    return DescriptorFile.open(storage, name, lock);
  } catch (error) {
    if (error instanceof QbmError && error.id === 'QBM-E-LOCKED') throw error;
    return errorFinding(asRefusal(error), null, null);
  }
}

export interface Findings {
  readonly findings: Finding[];
  /** what was looked at; null if the descriptor cannot be read */
  readonly look: Look | null;
}

/** What {@link checkImage} finds, for who holds the descriptor. */
export function findingsOf(
  storage: Storage,
  name: string,
  content: Uint8Array,
  options: CheckOptions,
): Findings {
  let read: Descriptor;
  try {
    read = readDescriptor(content, { ...options, file: name });
  } catch (error) {
    return { findings: [errorFinding(asRefusal(error), null, null)], look: null };
  }
  const look = new Look(storage, name, read, options);
  const findings = [...look.seen()].map((seen) => seen.finding);
  findings.push(...leftovers(storage, name, read, options));
  return { findings, look };
}

function* leftovers(
  storage: Storage,
  name: string,
  read: Descriptor,
  { beside = [], makeHash }: CheckOptions,
): Generator<Finding> {
  const temporary = temporaryName(name);
  const kind = storage.kind(temporary);
  if (kind !== null && kind !== 'directory')
    // which no update made
    yield finding('QBM-C-TEMPORARY', 'leftover', null, 'remove-temporary', { file: temporary });
  const named = new Set(references(read).map(({ file }) => file));
  for (const file of beside) {
    if (!named.has(file) && isBitmapFileOf(name, file, makeHash))
      yield finding('QBM-C-ORPHAN', 'leftover', null, null, { file });
  }
}
