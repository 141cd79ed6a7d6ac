/** Draws histories until every argument that is not listed as unreached was drawn, or enough of them were. */
import type { Identity } from '../../target/target.js';
import type { Property } from '../property.js';
import {
  countArguments,
  type Drawn,
  declaredArguments,
  outermost,
  type Path,
  parentsOf,
} from './arguments.js';
import type { Unreached } from './unreached.js';

export interface ArgumentReach {
  /** declared, drawn by nobody, and not listed */
  readonly missing: readonly Path[];
  /** listed, and drawn all the same; or listed, and not declared */
  readonly stale: readonly string[];
}

/** Histories of each property, and how many at most of those that are likely to draw what is still missing. */
const FIRST = 14;
const MOST = 500;

interface Drawing {
  readonly property: Property;
  readonly drawn: Drawn;
  histories: number;
}

/** The same every time: the seeds are fixed. */
export function reachArguments(
  properties: readonly Property[],
  target: Identity,
  unreached: readonly Unreached[],
): ArgumentReach {
  const declared = [...declaredArguments()];
  const all = properties.map((property): Drawing => ({ property, drawn: new Map(), histories: 0 }));
  for (const one of all) drawMore(one, target, FIRST);
  const isListed = listed(unreached);
  const isDrawn = (path: Path): boolean => all.some(({ drawn }) => drawn.has(path));
  const isMissing = (path: Path): boolean => !isListed(path) && !isDrawn(path);
  for (const path of declared.filter(isMissing)) {
    const likely = likeliest(all, path);
    for (let round = 1; isMissing(path) && round * 8 <= MOST; round++)
      for (const one of likely)
        if (isMissing(path) && one.histories < FIRST + round * 8) drawMore(one, target, 8);
  }
  return {
    missing: outermost(declared.filter(isMissing)),
    stale: unreached
      .filter(({ isRare }) => isRare !== true)
      .flatMap(({ what }) => what)
      .filter((pattern) => {
        const meant = declared.filter(matcher(pattern));
        return meant.length === 0 || meant.some(isDrawn);
      }),
  };
}

function drawMore(one: Drawing, target: Identity, count: number): void {
  for (const end = one.histories + count; one.histories < end; ) {
    // Far from each other, so that neighbours have nothing in common.
    const history = one.property.draw(++one.histories * 7919, target);
    if (history !== null) countArguments(history, one.drawn);
  }
}

/**
 * Who is likely to draw it, of those that have drawn, in their histories so far, what the argument is a part of: the one that has
 * drawn most of what else is part of that, the one that has drawn it most often, and the next of each. A command is part of nothing.
 */
function likeliest(all: readonly Drawing[], path: Path): readonly Drawing[] {
  for (const parent of parentsOf(path)) {
    const often = ({ drawn, histories }: Drawing): number => (drawn.get(parent) ?? 0) / histories;
    const drawing = all.filter((one) => often(one) > 0);
    const parts = new Map(drawing.map((one) => [one, partsOf(one.drawn, parent)]));
    const byParts = [...drawing].sort((a, b) => parts.get(b)! - parts.get(a)!);
    const byRate = [...drawing].sort((a, b) => often(b) - often(a));
    if (drawing.length > 0)
      return [...new Set([byParts[0]!, byRate[0]!, ...byParts.slice(1, 2), ...byRate.slice(1, 2)])];
  }
  return all;
}

function partsOf(drawn: Drawn, parent: Path): number {
  return [...drawn.keys()].filter((path) => path.startsWith(parent)).length;
}

/** Whether an argument, or what it is a part of, is listed. */
function listed(unreached: readonly Unreached[]): (path: Path) => boolean {
  const matchers = unreached.flatMap(({ what }) => what).map(matcher);
  return (path) => [path, ...parentsOf(path)].some((one) => matchers.some((matches) => matches(one)));
}

/** `*` stands for any characters. */
function matcher(pattern: string): (path: Path) => boolean {
  const parts = pattern.split('*').map((part) => part.replace(/[^\w-]/g, '\\$&'));
  const regex = new RegExp(`^${parts.join('.*')}$`);
  return (path) => regex.test(path);
}
