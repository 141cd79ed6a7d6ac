/** The SHA-256 that Node computes, as the specification takes it. */
import { createHash } from 'node:crypto';
import type { Sha256 } from '../bitmap/serialise.js';

export function nodeSha256(): Sha256 {
  const hash = createHash('sha256');
  return {
    update: (bytes) => void hash.update(bytes),
    digestHex: () => hash.digest('hex'),
  };
}
