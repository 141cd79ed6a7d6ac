/** What a target must be able to do so that a case can be run on it, as far as the steps themselves say it. */
import { adapterSupports } from '../target/adapter/ops.js';
import type { Action, Step } from './case.js';

/** Commands on devices and their media. */
const DEVICE_COMMANDS =
  /^(device_add|device_del|system_reset|eject|blockdev-(open-tray|close-tray|.*-medium))$/;

function needsDevices(action: Action): boolean {
  if (action.verb === 'open') return action.device !== undefined;
  return action.verb === 'drive' || (action.verb === 'qmp' && DEVICE_COMMANDS.test(action.command));
}

/** Commands of an image tool that it may lack. Any other word is asked of it to see how it refuses. */
const IMG_COMMANDS: ReadonlySet<string> = new Set([
  'amend',
  'bench',
  'bitmap',
  'check',
  'commit',
  'compare',
  'convert',
  'create',
  'dd',
  'info',
  'map',
  'measure',
  'rebase',
  'resize',
  'snapshot',
]);

/**
 * Capabilities implied by the steps, sorted: `command:NAME` for every QMP command, `restart` for the steps `restart` and
 * `kill`, `command:x-debug-query-block-graph` for `graph`, `command:query-jobs` for a `wait` for a job, `format` for `file`, `descriptor` and `check`, `repair` for a check
 * that repairs, `devices` for drives, devices and media, `bytes` for that step, `img` and `image-io` for the
 * tools, `nbd` for what our own client does and `client:NAME` for a real one, `img:NAME` for a command of the first, `node` for `open`, `io` and `observe`, and `qmp` for a `raw` text and
 * for whatever the adapter protocol has no operation for.
 */
export function derivedRequirements(steps: readonly Step[]): string[] {
  const requires = new Set<string>();
  for (const { action } of steps) {
    const act = action.verb === 'either' ? action.action : action;
    if (act.verb === 'raw') requires.add('qmp');
    if (act.verb === 'open' || act.verb === 'io' || act.verb === 'observe') requires.add('node');
    if (act.verb === 'bytes') requires.add('bytes');
    if (needsDevices(act)) requires.add('devices');
    if (act.verb === 'graph') {
      requires.add('qmp');
      requires.add('command:x-debug-query-block-graph');
    }
    if (act.verb === 'img' || act.verb === 'image-io') requires.add(act.verb);
    if (act.verb === 'img' && IMG_COMMANDS.has(act.words[0]!)) requires.add(`img:${act.words[0]}`);
    if (act.verb === 'nbd') requires.add(act.op === 'run' ? `client:${act.words[0]}` : 'nbd');
    if (act.verb === 'wait') requires.add(act.job === undefined ? 'qmp' : 'command:query-jobs');
    if (act.verb === 'restart' || act.verb === 'kill') requires.add('restart');
    if (act.verb === 'file' || act.verb === 'descriptor' || act.verb === 'check') requires.add('format');
    if (act.verb === 'check' && act.repair) requires.add('repair');
    if (act.verb !== 'qmp') continue;
    requires.add(`command:${act.command}`);
    if (!requires.has('qmp') && !adapterSupports(act.command, act.arguments)) requires.add('qmp');
  }
  return [...requires].sort();
}
