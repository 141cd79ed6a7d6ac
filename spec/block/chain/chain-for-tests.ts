/** Chains of QBM images in memory, as nodes of one machine. */
import { nodeSha256 } from '../../host/sha256.js';
import { jsonObject } from '../../json/value.js';
import { createImage } from '../../qbm/create.js';
import { Machine } from '../../qmp/machine.js';
import { MemoryStorage } from '../../storage/memory-storage.js';
import { type GuestRequest, guestRequest } from '../guest.js';
import type { Node } from '../node.js';

export interface ChainImage {
  /** bytes */
  readonly size: number;
  readonly backing?: Node;
  /** bytes; default 65536 */
  readonly clusterSize?: number;
}

export function machineWith() {
  const storage = new MemoryStorage();
  const machine = new Machine({ storage, makeHash: nodeSha256 });
  return {
    storage,
    machine,
    /** A new image `name`.qbm, open as the node `name`. */
    create(name: string, { size, backing, clusterSize = 65536 }: ChainImage): Node {
      createImage(storage, `${name}.qbm`, { size, allocation: true, clusterSize, makeHash: nodeSha256 });
      const options = jsonObject({
        driver: 'qbm',
        'node-name': name,
        discard: 'unmap',
        backing: backing?.name ?? null,
        file: jsonObject({ driver: 'file', filename: `${name}.qbm` }),
      });
      machine.execute({ name: 'blockdev-add', arguments: options });
      return machine.graph.lookup(name, name);
    },
    io(node: Node, request: GuestRequest): Uint8Array {
      const result = guestRequest(node, request);
      if (typeof result === 'string') throw new Error(result);
      return result;
    },
  };
}
