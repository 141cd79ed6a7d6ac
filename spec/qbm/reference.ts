/** Which texts may stand as `file` in a descriptor. FORMAT.md, QBM-016 and QBM-040. */
import type { Trust } from './descriptor.js';
import type { QbmErrorId } from './errors.js';
import { MAX_COMPONENT_BYTES, MAX_REFERENCE_BYTES } from './limits.js';

/** U+0000 to U+001F and U+007F to U+009F. */
export const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

const ASCII = /^[\u0000-\u007f]*$/;
const utf8 = new TextEncoder();

/** Bytes of UTF-8. */
export function bytesOf(text: string): number {
  return ASCII.test(text) ? text.length : utf8.encode(text).length;
}

export interface ReferenceFault {
  readonly id: QbmErrorId & ('QBM-E-FILE' | 'QBM-E-TRUST');
  readonly problem: string;
}

/** What is wrong with `file` as a file reference, or null. Looks at the text alone. */
export function faultOfReference(file: string, trust: Trust): ReferenceFault | null {
  const problem = wrongForAll(file);
  if (problem !== null) return { id: 'QBM-E-FILE', problem };
  // QBM-040
  if (trust === 'stranger' && file.startsWith('/'))
    return { id: 'QBM-E-TRUST', problem: 'the name is absolute' };
  return null;
}

/** QBM-016 */
function wrongForAll(file: string): string | null {
  if (file === '') return 'the name is empty';
  if (bytesOf(file) > MAX_REFERENCE_BYTES) return `the name is longer than ${MAX_REFERENCE_BYTES} bytes`;
  if (CONTROL.test(file)) return 'the name has a control character';
  if (file.includes('\\')) return 'the name has a backslash: write "/"';
  if (/^[^/]*:/.test(file)) return 'the name has ":" before the first "/", as a protocol or a drive has';
  const parts = file.split('/').slice(file.startsWith('/') ? 1 : 0);
  if (parts.includes('..')) return 'the name has a part "..": name the file from the top instead';
  if (parts.includes('') || parts.includes('.')) return 'the name has an empty part or a part "."';
  if (parts.some((part) => bytesOf(part) > MAX_COMPONENT_BYTES))
    return `a part of the name is longer than ${MAX_COMPONENT_BYTES} bytes`;
  return null;
}
