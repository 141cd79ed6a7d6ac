/** What the options of blockdev-add and blockdev-reopen name, sorted into what every driver has, its own, and children. */
import type { Given } from '../block/options.js';
import type { Json } from '../json/value.js';
import type { BlockdevRefValue } from './commands/blockdev-options.js';

type Options = Exclude<BlockdevRefValue, string>;

/** Options that every driver has, `driver` and `node-name` aside. */
const GENERIC: ReadonlySet<string> = new Set([
  'read-only',
  'auto-read-only',
  'force-share',
  'discard',
  'detect-zeroes',
  'cache',
]);

/** Options that are about a child. */
const CHILDREN: ReadonlySet<string> = new Set(['file', 'image', 'backing']);

export function givenOf(options: Options): Given {
  const specific = new Map<string, Json>();
  const children = new Map<string, string | Given | null>();
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || (GENERIC.has(name) && !isEmptyGroup(value))) continue;
    if (CHILDREN.has(name)) children.set(name, childOf(value as BlockdevRefValue | null));
    else specific.set(name, value as Json);
  }
  return {
    explicit: {
      readOnly: options['read-only'],
      autoReadOnly: options['auto-read-only'],
      discard: options.discard,
      forceShare: options['force-share'],
      detectZeroes: options['detect-zeroes'],
      cacheDirect: options.cache?.direct,
      cacheNoFlush: options.cache?.['no-flush'],
    },
    specific,
    children,
  };
}

/** `cache: {}` and the like, which names no option: it is taken for one that is called as the group is. REF-014 */
export function isEmptyGroup(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

function childOf(ref: BlockdevRefValue | null): string | Given | null {
  return ref === null || typeof ref === 'string' ? ref : givenOf(ref);
}
