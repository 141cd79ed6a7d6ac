/**
 * A history that was changed, made one that can be played: what jobs and exports come to is another thing now, so what is
 * waited for follows from the model; and what has lost its beginning goes, too.
 */
import { isJsonObject, type Json, type JsonObject } from '../../../spec/json/value.js';
import type { Action, Step } from '../../case/case.js';
import { leavesChoice } from '../moves/guest.js';
import type { Heard } from './model-run.js';
import { members, type Sketch } from './sketch.js';

type Nbd = Extract<Action, { verb: 'nbd' }>;
type Wait = Extract<Action, { verb: 'wait' }>;

const EXPORT_GONE = 'BLOCK_EXPORT_DELETED';

/** Plays the steps, as far as it can be done. @throws whatever the specification throws where it must not */
export function playAgain(sketch: Sketch, steps: readonly Step[]): void {
  const clients = new Clients(sketch);
  let heard: Heard[] = [];
  for (const { action } of steps) for (const id of luckOf(action)) sketch.expectLuck(id);
  for (const [index, { action }] of steps.entries()) {
    if (action.verb === 'wait') {
      const at = heard.findIndex((one) => isMeant(action, one));
      if (at < 0) continue;
      heard.splice(at, 1);
      sketch.play(action);
      continue;
    }
    if (action.verb === 'nbd' && !clients.can(action)) continue;
    const answer = sketch.play(action);
    if (answer === null) continue;
    if (answer.ok) coverDiscard(sketch, action, steps[index + 1]?.action);
    if (action.verb === 'nbd') clients.did(action);
    // Of what was said before its end a program that was started again says nothing.
    if (action.verb === 'restart' || action.verb === 'kill') heard = [];
    sketch.rest();
    for (const one of sketch.run.takeOthers()) {
      if (action.verb !== 'qmp') continue;
      if (one.event === EXPORT_GONE) waitForExport(sketch, one.data);
      else heard.push(one);
    }
  }
}

/** Zeros after a discard that leaves what the format likes, where they were taken away. */
function coverDiscard(sketch: Sketch, action: Action, next: Action | undefined): void {
  if (action.verb !== 'io' || action.request.op !== 'discard') return;
  const node = sketch.node(action.node);
  if (node === undefined || !leavesChoice(sketch, node, action.request)) return;
  const isCovered = next?.verb === 'observe' || (next?.verb === 'io' && next.request.op === 'zero');
  const { offset, length } = action.request;
  if (!isCovered) sketch.io(action.node, { op: 'zero', offset, length });
}

function waitForExport(sketch: Sketch, { id }: JsonObject): void {
  sketch.play({ verb: 'wait', any: [], event: EXPORT_GONE, match: members({ id }) });
}

function isMeant(wait: Wait, { event, data }: Heard): boolean {
  if (wait.job !== undefined || wait.event !== event) return false;
  return Object.entries(wait.match ?? {}).every(([name, value]) => data[name] === value);
}

/** Jobs of which it is luck how far they get, by what the steps say. */
function luckOf(action: Action): string[] {
  if (action.verb === 'wait') return action.job !== undefined && action.any.length > 0 ? [action.job] : [];
  if (action.verb !== 'qmp') return [];
  const { command, arguments: args } = action;
  if (command === 'blockdev-mirror') return idsOf(args ?? null);
  const properties = args?.properties ?? null;
  const isGrouped = isJsonObject(properties) && properties['completion-mode'] === 'grouped';
  return isGrouped && Array.isArray(args?.actions) ? args.actions.flatMap(dataOf).flatMap(idsOf) : [];
}

function dataOf(action: Json): Json[] {
  return isJsonObject(action) && action.data !== undefined ? [action.data] : [];
}

function idsOf(args: Json): string[] {
  return isJsonObject(args) && typeof args['job-id'] === 'string' ? [args['job-id']] : [];
}

/** Which clients have a connection to an export that is there. */
class Clients {
  readonly #sketch: Sketch;
  /** the name of the export of each, by that of the connection */
  readonly #exports = new Map<string, string>();

  constructor(sketch: Sketch) {
    this.#sketch = sketch;
  }

  can(action: Nbd): boolean {
    if (action.op === 'run') return true;
    if (action.op === 'connect') {
      return (
        !this.#exports.has(action.connection) && (action.export === null || this.#isThere(action.export))
      );
    }
    const name = this.#exports.get(action.connection);
    return name !== undefined && this.#isThere(name);
  }

  did(action: Nbd): void {
    if (action.op === 'connect') this.#exports.set(action.connection, action.export ?? '');
    if (action.op === 'go') this.#exports.set(action.connection, action.export);
    if (action.op === 'disconnect' || action.op === 'ended') this.#exports.delete(action.connection);
  }

  #isThere(name: string): boolean {
    const { exports } = this.#sketch.run.machine;
    return exports.isServing && (name === '' || exports.all.some((one) => one.name === name));
  }
}
