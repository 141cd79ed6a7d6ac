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

/** What steps imply, and what is needed besides: sorted, each once. */
export function allRequirements(steps: readonly Step[], others: readonly string[]): string[] {
  return [...new Set([...others, ...derivedRequirements(steps)])].sort();
}

/** Of requirements, those that the steps do not imply. */
export function beyondSteps(steps: readonly Step[], requires: readonly string[]): string[] {
  const implied = new Set(derivedRequirements(steps));
  return requires.filter((one) => !implied.has(one));
}

/**
 * Capabilities implied by the steps, sorted: `command:NAME` for every QMP command, `restart` for the steps `restart` and
 * `kill`, `command:x-debug-query-block-graph` for `graph`, `command:query-jobs` for a `wait` for a job, `format` for `file`, `descriptor` and `check`, `repair` for a check
 * that repairs, `devices` for drives, devices and media, `bytes` for that step, `img` and `image-io` for the
 * tools, `nbd` for what our own client does and `client:NAME` for a real one, `img:NAME` for a command of the first, `node` for `open`, `io` and `observe`, and `qmp` for a `raw` text and
 * for whatever the adapter protocol has no operation for.
 */
export function derivedRequirements(steps: readonly Step[]): string[] {
  const requires = new Set<string>();
  for (const { action } of steps) for (const needed of requirementsOf(action)) requires.add(needed);
  return [...requires].sort();
}

/** As {@link derivedRequirements}, of one step, in no order. */
export function* requirementsOf(action: Action): Generator<string> {
  const act = action.verb === 'either' ? action.action : action;
  if (needsDevices(act)) yield 'devices';
  switch (act.verb) {
    case 'raw':
      yield 'qmp';
      break;
    case 'open':
    case 'io':
    case 'observe':
      yield 'node';
      break;
    case 'bytes':
      yield 'bytes';
      break;
    case 'graph':
      yield 'qmp';
      yield 'command:x-debug-query-block-graph';
      break;
    case 'img':
      yield 'img';
      if (IMG_COMMANDS.has(act.words[0]!)) yield `img:${act.words[0]}`;
      break;
    case 'image-io':
      yield 'image-io';
      break;
    case 'nbd':
      yield act.op === 'run' ? `client:${act.words[0]}` : 'nbd';
      break;
    case 'wait':
      yield act.job === undefined ? 'qmp' : 'command:query-jobs';
      break;
    case 'restart':
    case 'kill':
      yield 'restart';
      break;
    case 'check':
      yield 'format';
      if (act.repair) yield 'repair';
      break;
    case 'file':
    case 'descriptor':
      yield 'format';
      break;
    case 'qmp':
      yield `command:${act.command}`;
      if (!adapterSupports(act.command, act.arguments)) yield 'qmp';
  }
}
