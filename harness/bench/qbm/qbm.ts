/** What the bitmaps of a QBM image cost: a guest's writes under both policies, and opening. spec/qbm/MEASUREMENTS.md. */
import type { Bench } from '../bench.js';
import { flushesSection } from './flushes.js';
import { openSection } from './open.js';
import { qemuSections } from './qemu.js';
import { referenceSections } from './writes.js';

export const qbmBench: Bench = {
  name: 'qbm',
  summary: 'what stored bitmaps cost: writes under both policies, also in qcow2 of QEMU; opening',
  async *run(context) {
    yield* referenceSections(context);
    yield flushesSection(context);
    if (context.qemus.length > 0) yield* qemuSections(context);
    yield await openSection(context);
  },
};
