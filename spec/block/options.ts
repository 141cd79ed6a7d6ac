/**
 * The options of a node that any driver has, and what they come from: what was asked for, what the node above has, what the
 * node had before. NODES.md, REF-015; CHAINS.md, REF-036.
 */
import type { Json } from '../json/value.js';
import type { Role } from './edge.js';
import type { NodeOptions } from './node.js';

/** Those that somebody named; the others are absent. */
export interface GivenOptions {
  readonly readOnly?: boolean | undefined;
  readonly autoReadOnly?: boolean | undefined;
  readonly discard?: 'ignore' | 'unmap' | undefined;
  readonly forceShare?: boolean | undefined;
  readonly detectZeroes?: 'off' | 'on' | 'unmap' | undefined;
  readonly cacheDirect?: boolean | undefined;
  readonly cacheNoFlush?: boolean | undefined;
}

/** Where the options of a node came from. */
export interface OpenedWith {
  /** named by whoever opened it, or reopened it last */
  readonly explicit: GivenOptions;
  /** these, and what was taken over from the node above */
  readonly effective: GivenOptions;
  /** what only its driver knows, by name; nothing about children */
  readonly specific: ReadonlyMap<string, Json>;
}

/** What is named for a node, and for what lies below it. */
export interface Given {
  readonly explicit: GivenOptions;
  readonly specific: ReadonlyMap<string, Json>;
  /** by the name of the option: a node by its name, the options of one, or null for none */
  readonly children: ReadonlyMap<string, string | Given | null>;
}

/** What the node that blockdev-add itself makes has without saying so; its children take that over. */
export const TOP_DEFAULTS: GivenOptions = { readOnly: false, cacheDirect: false, cacheNoFlush: false };

/** What a child takes over from the node above, whose options are `above`. REF-015 */
export function inherited(above: GivenOptions, role: Role): GivenOptions {
  const { forceShare, cacheDirect, cacheNoFlush, readOnly, autoReadOnly } = above;
  return {
    forceShare,
    cacheDirect,
    cacheNoFlush,
    // A format passes discards on; what is below it need not ask again. REF-007
    discard: 'unmap',
    ...(role === 'backing' ? { readOnly: true, autoReadOnly: false } : { readOnly, autoReadOnly }),
  };
}

/** The options in the first list, else those in the next. */
export function firstOf(...lists: readonly GivenOptions[]): GivenOptions {
  const first = <K extends keyof GivenOptions>(name: K): GivenOptions[K] =>
    lists.find((list) => list[name] !== undefined)?.[name];
  return {
    readOnly: first('readOnly'),
    autoReadOnly: first('autoReadOnly'),
    discard: first('discard'),
    forceShare: first('forceShare'),
    detectZeroes: first('detectZeroes'),
    cacheDirect: first('cacheDirect'),
    cacheNoFlush: first('cacheNoFlush'),
  };
}

/** All of them, with what each is if nobody says so. */
export function withDefaults(name: string, given: GivenOptions): NodeOptions {
  return {
    name,
    readOnly: given.readOnly ?? false,
    autoReadOnly: given.autoReadOnly ?? false,
    discard: given.discard ?? 'ignore',
    forceShare: given.forceShare ?? false,
    detectZeroes: given.detectZeroes ?? 'off',
    cacheDirect: given.cacheDirect ?? false,
    cacheNoFlush: given.cacheNoFlush ?? false,
  };
}
