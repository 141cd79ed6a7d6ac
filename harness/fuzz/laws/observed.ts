/** What a target says of its bitmaps, read back from the lines of `observe`. */

export interface Area {
  readonly offset: number;
  readonly length: number;
}

export interface ObservedBitmap {
  readonly granularity: number;
  /** bytes */
  readonly count: number;
  /** null: unreadable */
  readonly areas: readonly Area[] | null;
  /** '' where the target tells none */
  readonly sha256: string;
}

export interface Observed {
  readonly size: number;
  readonly bitmaps: ReadonlyMap<string, ObservedBitmap>;
}

/** @returns null for what is no observation */
export function parseObserved(lines: readonly string[]): Observed | null {
  const size = /^ {3}size (\d+)$/.exec(lines[1] ?? '')?.[1];
  if (!lines[0]?.startsWith('observe ') || size === undefined) return null;
  const bitmaps = new Map<string, ObservedBitmap>();
  let name = '';
  for (const line of lines.slice(2)) {
    const head = /^ {3}(\S.*): granularity (\d+), count (\d+)/.exec(line);
    const known = bitmaps.get(name);
    if (head !== null) {
      name = head[1]!;
      bitmaps.set(name, { granularity: Number(head[2]), count: Number(head[3]), areas: [], sha256: '' });
    } else if (known !== undefined) bitmaps.set(name, withLine(known, line));
  }
  return { size: Number(size), bitmaps };
}

function withLine(known: ObservedBitmap, line: string): ObservedBitmap {
  const sha256 = /^ {6}sha256 (\S+)/.exec(line)?.[1];
  if (sha256 !== undefined) return { ...known, sha256 };
  if (line.includes('unreadable')) return { ...known, areas: null };
  const areas = [...line.matchAll(/(\d+)\+(\d+)/g)].map(([, offset, length]) => ({
    offset: Number(offset),
    length: Number(length),
  }));
  return { ...known, areas: [...(known.areas ?? []), ...areas] };
}

/** Whether every byte of `inner` is in `outer`; both ascending, neighbours joined. */
export function covers(outer: readonly Area[], inner: readonly Area[]): boolean {
  return inner.every(({ offset, length }) =>
    outer.some((area) => area.offset <= offset && offset + length <= area.offset + area.length),
  );
}
