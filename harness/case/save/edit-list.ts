/** Lists in YAML that both people and programs write: what a program does not change stays as somebody wrote it. */
import { isDeepStrictEqual } from 'node:util';

/** How a list is written. */
export interface ListForm<T> {
  /** comments at its beginning, lines with their ends */
  readonly header: string;
  /** items are sorted by it */
  readonly key: (item: T) => string;
  /** an item with its dash, lines with their ends */
  readonly print: (item: T) => string;
}

/** A list as it is in its file. */
export interface ListText<T> {
  readonly text: string;
  readonly items: readonly T[];
}

/**
 * The text of a list with these items. Those that are in `before` keep their text and their place, byte for byte; each other
 * one is put before the first whose key is greater.
 */
export function listText<T>(
  items: readonly T[],
  form: ListForm<T>,
  before: ListText<T> = { text: '', items: [] },
): string {
  const { head, rows } = rowsOf(before, form);
  const fresh = [...items];
  const kept = rows.filter(({ item }) => {
    const at = fresh.findIndex((one) => isDeepStrictEqual(one, item));
    if (at >= 0) fresh.splice(at, 1);
    return at >= 0;
  });
  for (const item of fresh) {
    const key = form.key(item);
    const next = kept.findIndex((row) => form.key(row.item) > key);
    kept.splice(next < 0 ? kept.length : next, 0, { item, text: form.print(item) });
  }
  return `${head}${kept.length === 0 ? '[]\n' : kept.map(({ text }) => text).join('')}`;
}

interface Row<T> {
  readonly item: T;
  readonly text: string;
}

/** What stands before the items, and the text of each. A list that is not written item by item is written anew. */
function rowsOf<T>(
  { text, items }: ListText<T>,
  { header, print }: ListForm<T>,
): { readonly head: string; readonly rows: readonly Row<T>[] } {
  const texts = textsOf(text.endsWith('\n') ? text : `${text}\n`);
  const head = texts.shift()!;
  if (texts.length === 0 || texts.length !== items.length)
    return { head: header, rows: items.map((item) => ({ item, text: print(item) })) };
  return { head, rows: items.map((item, index) => ({ item, text: texts[index]! })) };
}

/** What stands before the items, and the items; comments belong to the item below them, but for those at the beginning. */
function textsOf(text: string): string[] {
  const texts: string[] = [''];
  let remarks = '';
  for (const line of text.match(/.*\n/g) ?? []) {
    const isNext = line.startsWith('- ');
    if (!isNext && texts.length > 1 && line.startsWith('#')) {
      remarks += line;
      continue;
    }
    if (isNext) texts.push(remarks + line);
    else texts.push(texts.pop() + remarks + line);
    remarks = '';
  }
  texts.push(texts.pop() + remarks);
  return texts;
}
