/** What a history of tools is about besides tools. */
import { CLUSTER } from '../../draw/edges.js';
import type { Sketch } from '../../draw/sketch.js';

/**
 * Where the holes of raw files are is a matter of file systems, and what becomes of a cluster of which a part is written or zeroed is
 * one of formats: so a history has maps, or raw files and zeros at any place, or a server with its guests, between tools or beside them.
 */
export type Kind = 'maps' | 'files' | 'server' | 'beside';

const ALONE = ['maps', 'files'] as const;
const KINDS = [...ALONE, 'server', 'beside'] as const;

const kinds = new WeakMap<Sketch, Kind>();

export function kindOf(sketch: Sketch): Kind {
  const known = kinds.get(sketch);
  if (known !== undefined) return known;
  const { draw } = sketch;
  const canServe = sketch.can('restart') && sketch.can('command:blockdev-add');
  const kind = draw.pick(canServe ? KINDS : ALONE);
  kinds.set(sketch, kind);
  return kind;
}

/** A size that an image of this history may have: of maps, whole clusters. */
export function sizeFor(sketch: Sketch, size: number): number {
  return kindOf(sketch) === 'maps' ? Math.max(1, Math.round(size / CLUSTER)) * CLUSTER : size;
}

/** Whether a server has images at times. */
export function hasServer(sketch: Sketch): boolean {
  return /^(server|beside)$/.test(kindOf(sketch));
}

/** A format that a new image may have. What is let be done with a raw file that a server has depends on its guests. */
export function newFormat(sketch: Sketch): string {
  return /^(maps|beside)$/.test(kindOf(sketch)) || sketch.draw.chance(0.8) ? '{format}' : 'raw';
}
