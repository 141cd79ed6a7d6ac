/** A QBM image that is open becomes read-only, or writable. CHAINS.md, REF-039; FORMAT.md, QBM-027, QBM-036 and QBM-038. */
import type { Policy } from '../../qbm/descriptor.js';
import type { PreparedReopen } from '../drivers/driver.js';
import type { Node } from '../node.js';
import type { DescriptorStore } from './store.js';
import type { StoredBitmap } from './stored-bitmap.js';
import { settleTakenOver } from './take-over.js';

/** An open image, as far as this is about it. */
export interface OpenImage {
  /** null: an inline composition, without a descriptor */
  readonly store: DescriptorStore | null;
  readonly policy: Policy;
  readonly writer: string;
  readonly stored: readonly StoredBitmap[];
  /** all bits reach the disk */
  settle(): void;
  setReadOnly(isReadOnly: boolean): void;
  files(): { readonly image: Node; readonly bitmaps: readonly Node[] };
}

/** It is left in order, while its files are still writable. @throws StorageError, QbmError; it is a writer as before then */
export function becomeReader(image: OpenImage): PreparedReopen {
  const { store } = image;
  image.settle();
  if (store === null) return { commit: () => image.setReadOnly(true) };
  const marked = store.read;
  const putBack = (): void => store.putBack(marked);
  try {
    store.release(image.stored.map(({ bitmap }) => bitmap));
  } catch (error) {
    putBack();
    throw error;
  }
  return {
    commit() {
      store.becomeReader();
      image.setReadOnly(true);
    },
    abort: putBack,
  };
}

/** The marker is there before anything else is written. @throws QbmError, BlockError; it is a reader as before then */
export function becomeWriter(image: OpenImage): PreparedReopen {
  const { store, policy, writer } = image;
  if (store === null) {
    return {
      commit() {
        image.setReadOnly(false);
        // Without a marker nobody knows whether the writer before died with bits that are in a cache only.
        image.settle();
      },
    };
  }
  const found = store.read;
  const putBack = (): void => {
    store.putBack(found);
    store.becomeReader();
  };
  store.becomeWriter();
  try {
    store.take(policy, writer);
  } catch (error) {
    putBack();
    throw error;
  }
  return {
    commit() {
      image.setReadOnly(false);
      // Until it is sure that a bit is on disk, a write that needs it stores it again.
      for (const stored of image.stored) stored.changed();
      const files = image.files();
      settleTakenOver(store, found, files, files.image.size);
    },
    abort: putBack,
  };
}
