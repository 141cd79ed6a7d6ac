/**
 * Whether a history that was changed still makes sense: the case language can say it, and what it asks has one right answer.
 * Generators see to that themselves; mutation, steering and the reducer do not know what a step is there for.
 */

import { isJsonObject, type Json } from '../../../spec/json/value.js';
import type { Step } from '../../case/case.js';
import { commandsOf } from '../commands.js';
import { CLUSTER } from '../draw/edges.js';
import { unflushed } from '../draw/unflushed.js';
import type { History } from '../history.js';
import { historyText, parseHistory } from '../history-text.js';
import { toolsMakeSense } from './sense-tools.js';

export function makesSense(history: History): boolean {
  const { format, steps } = history;
  if (!isSayable(history) || !keepsContract(steps) || !toolsMakeSense(history)) return false;
  if (!leavesFileSystem(steps)) return false;
  if (format === 'raw') return true;
  return asksWhatIsKnown(steps) && losesNothing(steps) && leavesFiles(steps) && !checksCrashed(steps);
}

/**
 * Images are made once: a second one would take the place of the first below its node. And requests go above a filter that
 * wants to see them all: on other targets those of the harness hold the node.
 */
function keepsContract(steps: readonly Step[]): boolean {
  const made = new Set<string>();
  const filtered = new Set<string>();
  for (const { action } of steps) {
    if (action.verb === 'open' && action.size !== null && action.driver === 'format') {
      if (made.has(action.node)) return false;
      made.add(action.node);
    }
    for (const { name, args } of commandsOf(action)) {
      const file = /^\$(.+)\.img$/.exec(String(args['snapshot-file']))?.[1];
      if (name === 'blockdev-snapshot-sync' && file !== undefined) made.add(file);
    }
    // Of an image that is not there each format speaks in its own words.
    if (action.verb === 'img' && action.words.some((word) => isImage(word) && !made.has(word.slice(0, -4))))
      return false;
    if (action.verb === 'qmp' && action.arguments?.driver === 'copy-before-write') {
      const { file = null } = action.arguments;
      const name = isJsonObject(file) ? file['node-name'] : file;
      if (typeof name === 'string') filtered.add(name);
    }
    if (action.verb === 'io' && filtered.has(action.node)) return false;
  }
  return true;
}

/** After a crash QBM has something to repair where qcow2 has not. */
function checksCrashed(steps: readonly Step[]): boolean {
  const crash = steps.findIndex(({ action }) => action.verb === 'kill');
  return (
    crash >= 0 &&
    steps.slice(crash).some(({ action }) => action.verb === 'img' && action.words.includes('check'))
  );
}

const CHANGES = /^(write|zero|trim)$/;

/** Which parts of a file are holes is for its file system to choose, but of whole clusters. */
function leavesFileSystem(steps: readonly Step[]): boolean {
  const asks = steps.some(
    ({ action }) =>
      action.verb === 'nbd' && action.op === 'connect' && action.contexts.includes('base:allocation'),
  );
  if (!asks) return true;
  return steps.every(({ action }) => {
    if (action.verb === 'open') return (action.size ?? 0) % CLUSTER === 0;
    if (action.verb === 'nbd' && action.op === 'request' && CHANGES.test(String(action.request)))
      return action.offset % CLUSTER === 0 && action.length % CLUSTER === 0;
    if (action.verb !== 'io' || action.request.op === 'read' || action.request.op === 'flush') return true;
    const { offset, length } = action.request;
    return offset % CLUSTER === 0 && length % CLUSTER === 0;
  });
}

function isImage(word: string): boolean {
  return word.endsWith('.img');
}

/**
 * The file of an image is its format's business, how long it is and whether it could be another: nothing speaks of it but
 * what is said of its own image.
 */
function leavesFiles(steps: readonly Step[]): boolean {
  const files = new Set(
    steps.flatMap(({ action }) =>
      action.verb === 'open' && action.driver === 'format' ? [`${action.node}-file`] : [],
    ),
  );
  return steps.every(({ action }) => {
    if (action.verb === 'observe' || action.verb === 'io') return !files.has(action.node);
    if (action.verb !== 'qmp') return true;
    return !speaksOf(files, action.arguments ?? null, null);
  });
}

/** @param own the file that may be spoken of here */
function speaksOf(files: ReadonlySet<string>, value: Json, own: string | null): boolean {
  if (typeof value === 'string') return value !== own && files.has(value);
  if (Array.isArray(value)) return value.some((part) => speaksOf(files, part, null));
  if (!isJsonObject(value)) return false;
  const name = value['node-name'];
  return Object.entries(value).some(([member, part]) =>
    speaksOf(files, part, member === 'file' && typeof name === 'string' ? `${name}-file` : null),
  );
}

/** What was not flushed may be lost when the program is killed. */
export function losesNothing(steps: readonly Step[]): boolean {
  return steps.every(({ action }, at) => action.verb !== 'kill' || unflushed(steps.slice(0, at)).size === 0);
}

/** Whether it is read again as what it is. */
export function isSayable(history: History): boolean {
  try {
    parseHistory(historyText(history), 'history');
    return true;
  } catch {
    return false;
  }
}

interface Range {
  readonly node: string;
  readonly start: number;
  readonly end: number;
}

/**
 * On images: no size that is no multiple of 512, and nothing is read where a part of a cluster was discarded, or anything over a
 * backing file.
 */
function asksWhatIsKnown(steps: readonly Step[]): boolean {
  let vague: readonly Range[] = [];
  const overlays = overlaysIn(steps);
  for (const { action } of steps) {
    if (action.verb === 'open' && action.driver === 'format' && (action.size ?? 0) % 512 !== 0) return false;
    if (
      action.verb === 'qmp' &&
      action.command === 'block_resize' &&
      Number(action.arguments?.size) % 512 !== 0
    )
      return false;
    const span = spanOf(action);
    if (span === null) continue;
    const { node, op, start, end } = span;
    if (op === 'discard') {
      const isWhole = start % CLUSTER === 0 && end % CLUSTER === 0 && !overlays.has(node);
      if (!isWhole) vague = [...vague, { node, start, end }];
    } else if (op === 'read') {
      // What is below or was copied elsewhere is just as vague, whatever it is called there.
      if (vague.some((one) => one.start < end && start < one.end)) return false;
    } else vague = vague.flatMap((one) => (one.node === node ? without(one, start, end) : [one]));
  }
  return true;
}

/** Nodes that are opened over another one, or are put over one. */
function overlaysIn(steps: readonly Step[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { action } of steps) {
    if (action.verb === 'open' && action.backing != null) names.add(action.node);
    for (const { name, args } of commandsOf(action)) {
      if (name === 'blockdev-snapshot') names.add(String(args.overlay));
      if (name === 'blockdev-add' && args.backing != null) names.add(String(args['node-name']));
    }
  }
  return names;
}

/** A request on bytes; `node` is the connection of a client. */
function spanOf(action: Step['action']): (Range & { readonly op: string }) | null {
  if (action.verb === 'io' && action.request.op !== 'flush') {
    const { op, offset, length } = action.request;
    return { node: action.node, op, start: offset, end: offset + length };
  }
  if (action.verb !== 'nbd' || action.op !== 'request') return null;
  const { request, offset, length, connection } = action;
  const op = request === 'trim' ? 'discard' : String(request);
  // Which node it is, is not looked up: so its writes make nothing known.
  if (op !== 'discard' && op !== 'read') return null;
  return { node: `connection ${connection}`, op, start: offset, end: offset + length };
}

function without(range: Range, start: number, end: number): Range[] {
  return [
    { ...range, end: Math.min(range.end, start) },
    { ...range, start: Math.max(range.start, end) },
  ].filter((left) => left.start < left.end);
}
