/** The oracle `stderr`: a program that prints something for people has something to complain of. */
import type { Session } from '../../target/target.js';
import type { Outcome } from '../history.js';

/** What programs print without anything being wrong. While a command of a monitor is executed QEMU leaves its own name out. */
const HARMLESS: readonly RegExp[] = [
  // Of copy-before-write and backup, for every target that is no image format.
  /warning: The target block device doesn't provide information about the block size/,
  // Of blockdev-snapshot-sync and drive-*, which make images.
  /^Formatting '.*', fmt=/,
  // Of a stream that cannot end as it should, because of another job.
  /^(\S+: )?Permission conflict on node '.* and unshared by \S+ job '/,
  // Of a mirror whose target cannot take the place of its source, which its error says in fewer words.
  /^(\S+: )?Cannot change '\w+' link to '/,
  // Of a client that does not do what the protocol wants of it.
  /option negotiation failed/,
];

export function complaintsOf(session: Session, step: number): Outcome | null {
  const text = session.stderr?.() ?? '';
  if (text === '') return null;
  const lines = text.split('\n').filter((line) => line !== '' && !HARMLESS.some((one) => one.test(line)));
  if (lines.length === 0) return null;
  return { kind: 'differs', step, expected: [], observed: lines.slice(0, 20), oracle: 'stderr' };
}
