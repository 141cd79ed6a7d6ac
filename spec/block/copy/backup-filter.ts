/**
 * The filter that a backup puts above its source: whatever the guest changes is copied to the target before. BACKUP.md,
 * JOB-042.
 */

import { dropFilter, moveUsers, prefixed } from '../chain/filter.js';
import { demandOfFile, demandOfTarget, openCopyBeforeWrite } from '../drivers/copy-before-write.js';
import type { Graph } from '../graph.js';
import { Node } from '../node.js';
import { withDefaults } from '../options.js';
import type { BlockCopy } from './block-copy.js';

export interface BackupFilter {
  readonly node: Node;
  readonly copying: BlockCopy;
  /** Whoever used the filter uses what is below it, and the filter goes. Nobody else holds it then. */
  remove(): void;
}

/**
 * Puts a filter above `source`, whose users use it from now on: all but jobs, and what lies below the filter.
 * @param name null: one that nobody can ask for
 * @throws BlockError REF-E-FILTER-CREATE, REF-E-FILTER-REPLACE; nothing has changed then
 */
export function insertBackupFilter(
  graph: Graph,
  source: Node,
  target: Node,
  name: string | null,
): BackupFilter {
  const { node, copying } = prefixed('REF-E-FILTER-CREATE', () => makeFilter(graph, source, target, name));
  try {
    prefixed('REF-E-FILTER-REPLACE', () => graph.change((change) => moveUsers(change, source, node)));
  } catch (refusal) {
    dropFilter(graph, node);
    throw refusal;
  }
  const remove = (): void => {
    // Another backup may have put its filter between.
    const below = node.driver.shown!;
    graph.change((change) => {
      for (const edge of [...node.parents]) change.move(edge, below);
    });
    dropFilter(graph, node);
  };
  return { node, copying, remove };
}

/** It is pinned, so that it stays also while nobody uses it. */
function makeFilter(
  graph: Graph,
  source: Node,
  target: Node,
  name: string | null,
): { node: Node; copying: BlockCopy } {
  if (name !== null) graph.checkName(name);
  const given = { readOnly: false };
  const opened = { explicit: given, effective: given, specific: new Map() };
  const node = new Node(withDefaults(name ?? graph.generateName(), given), opened);
  node.pinned += 1;
  try {
    // One after the other, as a filter that is asked for gets them: what is in the way of the first is told first.
    const file = graph.change((change) =>
      change.adopt(node, source, 'file', 'filtered', { demand: demandOfFile }),
    );
    const to = graph.change((change) =>
      change.adopt(node, target, 'target', 'part', { demand: demandOfTarget }),
    );
    const driver = openCopyBeforeWrite(file, to, { bitmap: null, onError: 'break-guest-write' });
    node.install(driver);
    graph.add(node);
    graph.change((change) => change.touch(node));
    return { node, copying: driver.copying };
  } catch (refusal) {
    dropFilter(graph, node);
    throw refusal;
  }
}
