/**
 * What a crash may leave, said a second time and as simply as can be: every version of every sector, size and name since
 * its flush, as arrays of bytes, in every combination. Shares no code with the model it checks.
 */
import type { Recording } from './recording.js';
import type { SectorFile } from './recording-file.js';
import type { FileTree } from './tree.js';

/**
 * All names and bytes of a tree as one text. A second name of a file is told as one: what is written to the file later is
 * found by both, and two files with the same bytes are another state.
 */
export type Tree = string;

export function contentOf(tree: FileTree<SectorFile>, only?: readonly string[]): Tree {
  const files = tree.files().filter(([name]) => only === undefined || only.includes(name));
  return treeOf(files, (file) => {
    const bytes = new Uint8Array(file.size);
    file.read(0, bytes);
    return Buffer.from(bytes).toString('hex');
  });
}

function treeOf<F>(files: readonly [string, F][], contentOf: (file: F) => string): Tree {
  const first = new Map<F, string>();
  const told = [...files]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, file]) => {
      const of = first.get(file);
      if (of !== undefined) return { name, of };
      first.set(file, name);
      return { name, content: contentOf(file) };
    });
  return JSON.stringify(told);
}

interface History {
  /** whole contents of the file since its flush, the sizes among them, and more sizes a write went through */
  contents: Uint8Array[];
  sizes: number[];
}

/** @param limit on combinations; null when there are more */
export function bruteForce(recording: Recording, point: number, limit: number): Set<Tree> | null {
  const files = new Map<number, History>();
  const names = new Map<string, (number | null)[]>();
  recording.start.forEach(([name, file], id) => {
    const bytes = new Uint8Array(file.size);
    file.read(0, bytes);
    files.set(id, { contents: [bytes], sizes: [bytes.length] });
    names.set(name, [id]);
  });
  for (const operation of recording.operations.slice(0, point)) {
    const { name, file } = operation;
    const history = files.get(file ?? -1);
    const renamed = (of: string, to: number | null) => names.set(of, [...(names.get(of) ?? [null]), to]);
    if (operation.op === 'create') {
      files.set(file!, { contents: [new Uint8Array(0)], sizes: [0] });
      renamed(name, file);
    } else if (operation.op === 'remove') renamed(name, null);
    else if (operation.op === 'rename') {
      renamed(name, null);
      renamed(operation.to, file);
    } else if (operation.op === 'flush') {
      const content = history!.contents.at(-1)!;
      files.set(file!, { contents: [content], sizes: [content.length] });
    } else if (operation.op === 'flush-directory') {
      for (const [other, ids] of names) if (folder(other) === folder(name)) names.set(other, [ids.at(-1)!]);
    } else {
      const old = history!.contents.at(-1)!;
      const content = changed(old, operation);
      if (operation.op === 'write') {
        for (let size = 0; size < content.length; size += 512) {
          if (size > old.length && size > operation.offset) history!.sizes.push(size);
        }
      }
      history!.contents.push(content);
      history!.sizes.push(content.length);
    }
  }
  return combine(files, names, limit);
}

function folder(name: string): string {
  return name.includes('/') ? name.replace(/[^/]*$/, '') : '';
}

function changed(
  old: Uint8Array,
  operation: Extract<Recording['operations'][number], { op: 'write' | 'zero' | 'truncate' }>,
): Uint8Array {
  if (operation.op === 'truncate') {
    const content = new Uint8Array(operation.size);
    content.set(old.subarray(0, operation.size));
    return content;
  }
  if (operation.op === 'zero')
    return old.slice().fill(0, operation.offset, operation.offset + operation.length);
  if (operation.bytes.length === 0) return old;
  const content = new Uint8Array(Math.max(old.length, operation.offset + operation.bytes.length));
  content.set(old);
  content.set(operation.bytes, operation.offset);
  return content;
}

function combine(
  files: ReadonlyMap<number, History>,
  names: ReadonlyMap<string, (number | null)[]>,
  limit: number,
): Set<Tree> | null {
  let trees: [string, number][][] = [[]];
  for (const [name, ids] of names) {
    trees = trees.flatMap((tree) =>
      [...new Set(ids)].map((id) => (id === null ? tree : [...tree, [name, id] as [string, number]])),
    );
  }
  const contents = new Map([...files].map(([id, history]) => [id, contentsOf(history, limit)]));
  const found = new Set<Tree>();
  for (const tree of trees) {
    let states: Map<number, string>[] = [new Map()];
    for (const id of new Set(tree.map(([, id]) => id))) {
      const possible = contents.get(id);
      if (possible === null || possible === undefined || states.length * possible.size > limit) return null;
      states = states.flatMap((state) => [...possible].map((content) => new Map(state).set(id, content)));
    }
    for (const state of states) {
      found.add(treeOf(tree, (id) => state.get(id)!));
    }
  }
  return found;
}

/** Every content of one file, in hexadecimal. */
function contentsOf({ contents, sizes }: History, limit: number): Set<string> | null {
  const longest = Math.max(...sizes);
  let found = new Set(['']);
  for (let start = 0; start < longest; start += 512) {
    const sectors = contents.map((content) => {
      const sector = new Uint8Array(512);
      sector.set(content.subarray(start, start + 512));
      return Buffer.from(sector).toString('hex');
    });
    found = new Set([...found].flatMap((text) => [...new Set(sectors)].map((sector) => text + sector)));
    if (found.size > limit) return null;
  }
  return new Set(sizes.flatMap((size) => [...found].map((text) => text.slice(0, size * 2))));
}
