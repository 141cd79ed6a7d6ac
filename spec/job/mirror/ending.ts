/** What is done with the graph when a mirror ends. MIRROR.md, JOB-073 to JOB-075. */
import { handOver } from '../../block/chain/filter.js';
import { setReadOnly } from '../../block/chain/reopen.js';
import { imageOf } from '../../block/chain/walk.js';
import type { Graph } from '../../block/graph.js';
import type { Node } from '../../block/node.js';
import { Refusal } from '../../refusal.js';
import type { BlockJob } from '../block-job.js';
import { JobError } from '../errors.js';
import type { MirrorFilter } from './filter.js';
import { canReplace } from './replace.js';

/** What there is to do when the job ends well. */
export interface Ending {
  /** what is below the target then: as it is; this node, or none; or what its image says, which is opened by this */
  readonly backing: 'as it is' | { readonly node: Node | null } | ((image: Node) => void);
  /** the node that the target takes the place of; null: the source */
  readonly replaces: string | null;
}

interface Mirror {
  readonly graph: Graph;
  readonly filter: MirrorFilter;
  readonly target: Node;
  readonly ending: Ending;
}

/**
 * The filter goes, and the job uses no node any more.
 * @param good null if the job has failed
 * @throws JobError JOB-E-MIRROR-GRAPH, or what opening the backing file says; then nobody has moved. JOB-075
 */
export function endMirror(
  { graph, filter, target, ending }: Mirror,
  job: BlockJob,
  good: { readonly isCompleted: boolean } | null,
): void {
  const source = filter.driver.source.child;
  const kept = [source, target, filter.node];
  for (const node of kept) node.pinned += 1;
  job.dropBackends();
  filter.stop();
  try {
    if (good !== null) setBacking(graph, target, ending.backing);
    if (good?.isCompleted === true) replace(graph, source, target, ending.replaces);
  } finally {
    job.letGo();
    filter.remove();
    for (const node of kept) {
      node.pinned -= 1;
      graph.release(node);
    }
  }
}

/** JOB-074 @throws JobError JOB-E-MIRROR-GRAPH; Refusal, StorageError */
function setBacking(graph: Graph, target: Node, backing: Ending['backing']): void {
  if (backing === 'as it is') return;
  const image = imageOf(target);
  if (typeof backing === 'function') {
    backing(image);
    return;
  }
  if (image.backing === backing.node) return;
  permitted(() =>
    graph.change((change) => {
      const edge = image.edge('backing');
      if (edge === undefined) change.adopt(image, backing.node!, 'backing', 'backing');
      else if (backing.node === null) change.drop(edge);
      else change.move(edge, backing.node);
    }),
  );
}

/** JOB-073, JOB-075 @throws JobError JOB-E-MIRROR-GRAPH */
function replace(graph: Graph, source: Node, target: Node, replaces: string | null): void {
  const replaced = replaces === null ? source : graph.find(replaces);
  if (replaced === undefined) throw new JobError('JOB-E-MIRROR-GRAPH');
  if (replaced.readOnly !== target.readOnly) {
    try {
      setReadOnly(graph, target, replaced.readOnly);
    } catch (refusal) {
      if (!(refusal instanceof Refusal)) throw refusal; // users decide, below
    }
  }
  permitted(() => {
    if (!canReplace(source, replaced)) throw new JobError('JOB-E-MIRROR-GRAPH');
    handOver(graph, [replaced, target]).done();
  });
}

/** @throws JobError JOB-E-MIRROR-GRAPH */
function permitted(action: () => void): void {
  try {
    action();
  } catch (refusal) {
    if (!(refusal instanceof Refusal)) throw refusal;
    throw new JobError('JOB-E-MIRROR-GRAPH');
  }
}
