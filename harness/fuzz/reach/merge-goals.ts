/** Goals about merging and marking. */
import type { DirtyBitmap } from '../../../spec/bitmap/dirty-bitmap.js';
import { isJsonObject, type Json } from '../../../spec/json/value.js';
import type { Action } from '../../case/case.js';
import type { ModelRun } from '../draw/model-run.js';
import type { Goal } from './reach.js';

function bitmapAt(run: ModelRun, node: Json | undefined, name: Json | undefined): DirtyBitmap | undefined {
  return run.machine.graph.find(String(node))?.bitmap(String(name));
}

/** Target and sources of a merge command, as they are after it. */
export function mergeOf(
  run: ModelRun,
  action: Action,
): { readonly target: DirtyBitmap; readonly sources: readonly DirtyBitmap[] } | null {
  if (action.verb !== 'qmp' || action.command !== 'block-dirty-bitmap-merge') return null;
  const { node, target: name, bitmaps } = action.arguments ?? {};
  const target = bitmapAt(run, node, name);
  if (target === undefined || !Array.isArray(bitmaps)) return null;
  const sources = bitmaps.map((one) =>
    isJsonObject(one) ? bitmapAt(run, one.node, one.name) : bitmapAt(run, node, one),
  );
  return { target, sources: sources.filter((one) => one !== undefined) };
}

function mergeGoal(name: string, meets: (target: DirtyBitmap, source: DirtyBitmap) => boolean): Goal {
  return {
    name,
    watch: () => (run, action, answer) => {
      const merge = answer.ok ? mergeOf(run, action) : null;
      if (merge === null) return false;
      return merge.sources.some((source) => source.count > 0 && meets(merge.target, source));
    },
  };
}

export const MERGE_GOALS: readonly Goal[] = [
  mergeGoal(
    'a fine bitmap merged into a coarse one',
    (target, source) => target.granularity > source.granularity,
  ),
  mergeGoal(
    'a coarse bitmap merged into a fine one',
    (target, source) => target.granularity < source.granularity,
  ),
  mergeGoal(
    'a merge between granularities of a disk with an odd tail',
    (target, source) => target.granularity !== source.granularity && target.size % target.granularity !== 0,
  ),
  mergeGoal('a merge into a disabled bitmap', (target) => !target.enabled),
  {
    name: 'a merge into a bitmap that was merged from another one before',
    watch: () => {
      const merged = new Set<DirtyBitmap>();
      return (run, action, answer) => {
        const merge = answer.ok ? mergeOf(run, action) : null;
        if (merge === null) return false;
        const isAgain = merge.sources.some((source) => source !== merge.target && merged.has(source));
        merged.add(merge.target);
        return isAgain;
      };
    },
  },
  {
    name: 'a write to what a resize has added',
    watch: () => {
      const before = new Map<string, number>();
      const sizes = new Map<string, number>();
      return (run, action, answer) => {
        if (action.verb === 'qmp' && action.command === 'block_resize' && answer.ok) {
          const name = String(action.arguments?.['node-name']);
          const bitmaps = run.machine.graph.find(name)?.bitmaps ?? [];
          if (bitmaps.length > 0) before.set(name, sizes.get(name) ?? 0);
        }
        if (action.verb !== 'io') {
          for (const { name, size } of run.nodes) sizes.set(name, size);
          return false;
        }
        if (action.request.op !== 'write' || !answer.ok) return false;
        const old = before.get(action.node);
        return old !== undefined && action.request.offset + action.request.length > old;
      };
    },
  },
];
