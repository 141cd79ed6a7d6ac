/** Mirrors at rest: what becomes of the disk, of its copy and of bitmaps, whatever guests and users do. */
import { openAction } from '../draw/actions.js';
import { drawAdd, observeAll, playCommand } from '../moves/bitmaps.js';
import { openDisk } from '../moves/mirror/beside.js';
import { endMirrors, MIRROR_MOVES, readAll } from '../moves/mirror/mirror.js';
import type { Move } from '../moves/move.js';
import { anyNode } from '../moves/nodes.js';
import { MIRROR_GOALS } from '../reach/mirror-goals.js';
import { propertyOf } from './plan.js';

const BESIDE: readonly Move[] = [
  {
    name: 'del',
    weight: 0.7,
    make: (sketch) => void sketch.qmp('blockdev-del', { 'node-name': anyNode(sketch) }),
  },
  {
    name: 'resize',
    weight: 0.5,
    make(sketch) {
      const node = sketch.node(anyNode(sketch));
      const isDisk = node?.name.startsWith('disk') === true && !node.name.endsWith('-file');
      if (isDisk && node.parents.length > 0)
        sketch.qmp('block_resize', { 'node-name': node.name, size: node.size + 65536 });
    },
  },
  { name: 'graph', weight: 0.7, make: (sketch) => void sketch.play({ verb: 'graph' }) },
];

export const mirror = propertyOf({
  name: 'mirror',
  summary: 'mirrors at rest: the disk, its copy, bitmaps and the graph, whatever guests and users do',
  rules: ['JOB-060', 'JOB-064', 'JOB-067', 'JOB-073'],
  goals: MIRROR_GOALS,
  // Only overlays have parts of which nobody in a chain has anything.
  formats: ['raw', 'overlay', 'overlay'],
  requires: ['driver:blkdebug'],
  length: [6, 26],
  moves: [...MIRROR_MOVES, ...BESIDE],
  begin(sketch) {
    const { draw, format } = sketch;
    const size = 65536 * draw.int(1, 8) + draw.pick([0, 0, 512, 1024]);
    // What an image has itself depends on its format, if it is made without a backing file.
    if (format === 'overlay') {
      sketch.play(openAction('base', size, { backing: null }));
      sketch.io('base', {
        op: 'write',
        offset: 0,
        length: Math.min(size, 65536 * draw.int(1, 2)),
        pattern: 0xb0,
      });
    }
    for (let count = draw.int(1, 2); count > 0; count--) openDisk(sketch, size);
    playCommand(sketch, drawAdd(sketch));
  },
  end(sketch) {
    endMirrors(sketch);
    readAll(sketch);
    observeAll(sketch);
    sketch.play({ verb: 'graph' });
  },
});
