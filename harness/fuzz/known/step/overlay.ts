/** Overlays that steps put over nodes: whoever used the node has the size of its overlay from then on. */
import type { Node } from '../../../../spec/block/node.js';
import type { JsonObject } from '../../../../spec/json/value.js';
import type { Action } from '../../../case/case.js';
import { commandsOf } from '../../commands.js';
import type { ModelRun } from '../../draw/model-run.js';

/** The nodes that get an overlay of another size by this step. */
export function* overlaidOtherwise(run: ModelRun, action: Action): Generator<Node> {
  for (const { name, args } of commandsOf(action)) {
    const node = overlaid(run, name, args);
    if (node === undefined) continue;
    const size = overlaySize(run, name, args);
    if (size !== null && size !== node.size) yield node;
  }
}

/** The node that gets an overlay by this command, if there is one. */
export function overlaid({ machine: { graph } }: ModelRun, name: string, args: JsonObject): Node | undefined {
  if (name === 'blockdev-snapshot') return graph.find(String(args.node));
  if (name !== 'blockdev-snapshot-sync') return undefined;
  const drive = args.device === undefined ? undefined : graph.drives.get(String(args.device));
  return drive === undefined
    ? graph.find(String(args['node-name'] ?? args.device))
    : (drive.node ?? undefined);
}

/** Bytes; null where there is no such overlay. A new one has the size of what it is made over. */
function overlaySize(run: ModelRun, name: string, args: JsonObject): number | null {
  if (name === 'blockdev-snapshot') return run.machine.graph.find(String(args.overlay))?.size ?? null;
  return args.mode === 'existing' ? run.overlaySize(String(args['snapshot-file'])) : null;
}
