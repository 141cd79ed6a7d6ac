/**
 * Files that cannot be read or written at one place, at the end of a history. How far a tool came that failed is luck, and so is
 * what it leaves of its target; but it says so, and what it was to take from has what it had.
 */
import { imgAction } from '../../draw/actions.js';
import { CLUSTER } from '../../draw/edges.js';
import type { Sketch } from '../../draw/sketch.js';
import { ioAction, readBack } from './look.js';

/** The name of a raw file of which a sector fails. */
function faulty(file: string, iotype: 'read' | 'write', sector: number, errno: number): string {
  const rule = `{"event": "none", "iotype": "${iotype}", "sector": ${sector}, "errno": ${errno}}`;
  const image = `{"driver": "file", "filename": "${file}"}`;
  return `json:{"driver": "raw", "file": {"driver": "blkdebug", "inject-error": [${rule}], "image": ${image}}}`;
}

/** A raw file without holes: whoever copies it asks for all of it, and at first for its beginning. */
function fullFile(sketch: Sketch, size: number): string {
  const { draw } = sketch;
  const name = sketch.fresh('img');
  sketch.play(imgAction('create', '-q', '-f', 'raw', name, String(size)));
  sketch.play(ioAction({ name, format: 'raw' }, `write -q -P ${draw.int(1, 255)} 0 ${size}`));
  return name;
}

/** A tool meets a fault. */
export function playFault(sketch: Sketch): void {
  const { draw } = sketch;
  const size = CLUSTER * draw.int(1, 7) + draw.pick([0, 0, 512, 4096]);
  const full = fullFile(sketch, size);
  const sector = draw.int(0, size / 512 - 1);
  const errno = draw.pick([5, 28]);
  switch (draw.int(0, 2)) {
    case 0: {
      const source = faulty(full, 'read', sector, errno);
      sketch.play(imgAction('convert', '-O', '{format}', source, sketch.fresh('img')));
      return;
    }
    case 1: {
      const source = fullFile(sketch, size);
      const target = faulty(full, 'write', sector, errno);
      sketch.play(imgAction('convert', '-n', '-f', 'raw', '-O', 'raw', source, target));
      readBack(sketch, source);
      return;
    }
    default: {
      const sources = [fullFile(sketch, size), faulty(full, 'read', sector, errno)];
      sketch.play(imgAction('convert', '-f', 'raw', '-O', '{format}', ...sources, sketch.fresh('img')));
    }
  }
}
