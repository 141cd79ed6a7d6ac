/** The filter of a stream: what is read through it comes up, too. STREAM.md, JOB-103. */
import { dropFilter, makeFilter, moveUsers, prefixed } from '../../block/chain/filter.js';
import { demandOfCopyOnRead, openCopyOnRead } from '../../block/drivers/copy-on-read.js';
import type { Graph } from '../../block/graph.js';
import type { Node } from '../../block/node.js';

/**
 * A `copy-on-read` above `top`, whose users use it from now on.
 * @param bottom the lowest image that is streamed
 * @throws BlockError REF-E-FILTER-CREATE, REF-E-FILTER-REPLACE; nothing has changed then
 */
export function insertStreamFilter(graph: Graph, top: Node, bottom: Node, name: string | null): Node {
  const node = prefixed('REF-E-FILTER-CREATE', () =>
    makeFilter(graph, top, {
      name,
      readOnly: false,
      link: 'file',
      demand: demandOfCopyOnRead,
      open: (file) => openCopyOnRead(file, bottom),
    }),
  );
  try {
    prefixed('REF-E-FILTER-REPLACE', () => graph.change((change) => moveUsers(change, top, node)));
    return node;
  } catch (refusal) {
    dropFilter(graph, node);
    throw refusal;
  }
}

/** Whoever used the filter uses what is below it, and it goes, as soon as no job uses it any more. */
export function removeStreamFilter(graph: Graph, node: Node): void {
  const below = node.driver.shown!;
  graph.change((change) => {
    for (const edge of [...node.parents]) change.move(edge, below);
  });
  dropFilter(graph, node);
}
