/** What a writer does before it writes: the marker, and the end of what the writer before left. FORMAT.md, QBM-027 and QBM-036. */
import { cutBitmapFile } from '../../qbm/bitmap-file.js';
import { geometryOf } from '../../qbm/check/look.js';
import type { Descriptor } from '../../qbm/descriptor.js';
import type { Node } from '../node.js';
import { flush } from '../request.js';
import { NodeFile } from './node-file.js';
import type { DescriptorStore } from './store.js';

/**
 * After the marker: what the writer before left when it died, files that are too long. If only its program died, more of what
 * it wrote is seen than is on disk. It counts as stored from now on, so it has to be: first the size of the data image, by
 * which the files are cut, then the bits.
 *
 * @param found the descriptor as it was before the marker
 * @param nodes those of the data image and of the bitmap files, writable
 * @param size bytes of the disk
 */
export function settleTakenOver(
  store: DescriptorStore,
  found: Descriptor,
  nodes: { readonly image: Node; readonly bitmaps: readonly Node[] },
  size: number,
): void {
  if (found.inUse === null) return;
  flush(nodes.image);
  const files = new Map(nodes.bitmaps.map((node) => [node.filename, node]));
  for (const entry of found.bitmaps) {
    const node = files.get(store.resolve(entry.file));
    if (node === undefined) continue;
    const file = new NodeFile(node);
    cutBitmapFile(file, geometryOf(entry, size));
    file.flush();
  }
}
