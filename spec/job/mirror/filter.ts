/** The filter of a mirror job: how it comes above the source, and goes. MIRROR.md, JOB-062 and JOB-063. */
import { DirtyBitmap } from '../../bitmap/dirty-bitmap.js';
import { moveUsers } from '../../block/chain/filter.js';
import { freeze } from '../../block/chain/frozen.js';
import { type MirrorTop, openMirrorTop } from '../../block/drivers/mirror-top.js';
import type { Graph } from '../../block/graph.js';
import { Node } from '../../block/node.js';
import { withDefaults } from '../../block/options.js';

export interface MirrorFilter {
  readonly node: Node;
  readonly driver: MirrorTop;
  /** what was written to the source and is not copied yet; a bitmap of the source */
  readonly toCopy: DirtyBitmap;
  /** All that is between here and `target`, which is below the source, stays as it is until `stop`. @throws BlockError */
  freeze(target: Node): void;
  /** Nothing is asked of the source through it any more, and nothing is marked. */
  stop(): void;
  /** Whoever uses it uses what is below it, and it goes. */
  remove(): void;
}

export interface FilterOptions {
  /** null: one that nobody can ask for, and that is not told of */
  readonly name: string | null;
  readonly granularity: number;
  /** whether what is written is marked */
  readonly marks: boolean;
  /** the target is below the source */
  readonly intoChain: boolean;
}

/** @throws BlockError, BitmapError BMP-E-TOO-LARGE; nothing has changed then */
export function insertMirrorFilter(
  graph: Graph,
  source: Node,
  { name, granularity, marks, intoChain }: FilterOptions,
): MirrorFilter {
  if (name !== null) graph.checkName(name);
  const toCopy = new DirtyBitmap({ name: null, size: source.size, granularity, enabled: marks });
  const given = { readOnly: false };
  const opened = { explicit: given, effective: given, specific: new Map() };
  const node = new Node(withDefaults(name ?? graph.generateName(), given), opened);
  node.isImplicit = name === null;
  node.neverFrozen = true;
  node.pinned += 1;
  const discard = (): void => {
    node.pinned -= 1;
    graph.release(node);
  };
  try {
    const below = graph.change((change) =>
      change.adopt(node, source, 'file', 'filtered', { name: 'backing' }),
    );
    const driver = openMirrorTop(below, intoChain);
    node.install(driver);
    graph.add(node);
    graph.change((change) => {
      change.touch(node);
      moveUsers(change, source, node);
    });
    source.addBitmap(toCopy);
    let thaw = (): void => {};
    const stop = (): void => {
      thaw();
      thaw = () => {};
      driver.afterWrite = null;
      source.removeBitmap(toCopy);
      driver.stop();
      graph.change((change) => change.touch(node));
    };
    const remove = (): void => {
      graph.change((change) => moveUsers(change, node, driver.source.child));
      discard();
    };
    const freezeDown = (target: Node): void => {
      thaw = freeze(driver.source, target);
    };
    return { node, driver, toCopy, freeze: freezeDown, stop, remove };
  } catch (refusal) {
    discard();
    throw refusal;
  }
}
