/** What `check` says: an id, how bad it is, what it is about, and what repair does. FORMAT.md, QBM-042 and QBM-043. */
import { StorageError } from '../../storage/storage.js';
import type { Reference } from '../descriptor.js';
import { QbmError } from '../errors.js';

/** Texts of the findings that are no errors at open; FORMAT.md has the same table. */
export const QBM_FINDINGS = {
  'QBM-C-IN-USE': 'the writer "{writer}" died under the policy {policy}',
  'QBM-C-INCONSISTENT': 'bitmap "{name}" is inconsistent',
  'QBM-C-EXCESS': 'bitmap "{name}": file "{file}" has bits after the last granule, left by a resize',
  'QBM-C-TEMPORARY': 'the file "{file}" was left by an update that did not come to its end',
  'QBM-C-ORPHAN': 'the file "{file}" is named as a bitmap of this image, which does not have it',
} as const;

export type Severity =
  /** a reader refuses to open the image */
  | 'error'
  /** it opens, but something in it cannot be relied on */
  | 'damage'
  /** a file too many, or bytes */
  | 'leftover';

/** What {@link repairImage} does about a finding: QBM-043. */
export type Repair = 'fill' | 'cut' | 'release' | 'drop-checksum' | 'remove-temporary';

export interface Finding {
  readonly id: QbmError['id'] | keyof typeof QBM_FINDINGS;
  readonly severity: Severity;
  readonly text: string;
  /** the descriptor of the image within that it is about; null: the image that was asked for */
  readonly image: string | null;
  /** the bitmap that it is about, or null */
  readonly bitmap: string | null;
  /** null: not repaired, for it could lose data or hide a write, or because it is of an image within */
  readonly repair: Repair | null;
}

/** Damage or a leftover; `args` fill the places of its text. */
export function finding(
  id: keyof typeof QBM_FINDINGS,
  severity: Severity,
  bitmap: string | null,
  repair: Repair | null,
  args: object,
): Finding {
  const values = new Map(Object.entries(args));
  const text = QBM_FINDINGS[id].replace(/\{(\w+)\}/g, (_, place: string) => String(values.get(place)));
  return { id, severity, text, image: null, bitmap, repair };
}

/** A refusal as a finding. */
export function errorFinding(error: QbmError, bitmap: string | null, repair: Repair | null): Finding {
  return { id: error.id, severity: 'error', text: error.message, image: null, bitmap, repair };
}

/** What is found in the image `name` within another one: there it is not repaired. */
export function within(name: string, found: Finding): Finding {
  const text = found.text.startsWith(`${name}:`) ? found.text : `in "${name}": ${found.text}`;
  return { ...found, text, image: name, repair: null };
}

/** What was thrown, as a refusal by a rule of the format; a mistake of this program goes on. @throws anything else */
export function asRefusal(
  error: unknown,
  { role, file }: Pick<Reference, 'role' | 'file'> = { role: 'the descriptor', file: '' },
): QbmError {
  if (error instanceof QbmError) return error;
  if (error instanceof StorageError)
    return new QbmError('QBM-E-STORAGE', { role, file: file || error.file, errno: error.errno });
  throw error;
}
