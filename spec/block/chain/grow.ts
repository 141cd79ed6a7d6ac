/** How an image becomes as long as what is committed into it. COMMIT.md, JOB-114. Sizes are bytes. */
import { Refusal } from '../../refusal.js';
import { type StorageErrno, StorageError } from '../../storage/storage.js';
import type { Node } from '../node.js';
import { truncate } from '../resize.js';

/** A base that refuses to grow, as a job is told it: by an errno. */
export class CannotGrow extends StorageError {
  /** what it refused it with */
  readonly reason: string;

  constructor(refusal: Refusal, base: Node) {
    super(ERRNOS[refusal.id] ?? 'ENOTSUP', base.name);
    this.name = 'CannotGrow';
    this.reason = refusal.message;
  }
}

/** Where it is the size that is wrong. */
const ERRNOS: Readonly<Record<string, StorageErrno>> = {
  'REF-E-RAW-LARGE': 'EINVAL',
  'BMP-E-TOO-LARGE': 'EFBIG',
};

/** Makes `base` `size` long if it is shorter. @throws CannotGrow; StorageError. Nothing has changed then. */
export function grow(base: Node, size: number): void {
  if (base.size >= size) return;
  try {
    truncate(base, size);
  } catch (error) {
    throw error instanceof Refusal ? new CannotGrow(error, base) : error;
  }
}
