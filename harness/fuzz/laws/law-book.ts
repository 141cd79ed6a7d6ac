/**
 * Laws of dirty bitmaps that need no model, so that a target can be tried that has none. Of each bitmap is kept which writes
 * it should know of, and through which granularities it came to know them. Then
 *
 * - merging is commutative, associative and idempotent: bitmaps that know of the same look the same;
 * - it is monotone: a bitmap that knows of more has everything dirty that one with less has;
 * - what was written while a bitmap recorded is dirty in it, and in what it was merged into;
 * - what knows of nothing is clean: add and remove leave nothing behind, and neither does clear;
 * - what was refused has changed nothing.
 */
import { isJsonObject, type Json, type JsonObject } from '../../../spec/json/value.js';
import type { Action } from '../../case/case.js';
import { commandsOf } from '../commands.js';
import { type Area, covers, type Observed, type ObservedBitmap, parseObserved } from './observed.js';

interface Bitmap {
  readonly granularity: number | null;
  isEnabled: boolean;
  /** writes as `step@granularity>granularity…` */
  known: Set<string>;
}

export class LawBook {
  /** by node, then by name; null once nothing is known of the bitmaps of a node any more */
  readonly #nodes = new Map<string, Map<string, Bitmap> | null>();
  /** what was written, by the step */
  readonly #writes = new Map<number, Area>();
  /** the last observation of each node after which nothing has changed */
  readonly #seen = new Map<string, string>();

  /**
   * Looks at a step and its answer.
   *
   * @returns which law is broken and how, or null
   */
  see(
    index: number,
    action: Action,
    lines: readonly string[],
  ): { law: string; observed: readonly string[] } | null {
    const isRefused = lines.some((line) => line.startsWith('<- error') || line.startsWith('   error '));
    if (action.verb === 'observe') return this.#look(action.node, lines);
    if (isRefused) return null;
    switch (action.verb) {
      case 'open':
        this.#nodes.set(action.node, new Map());
        this.#seen.delete(action.node);
        return null;
      case 'io':
        this.#write(index, action);
        return null;
      case 'qmp':
        this.#command(action);
        return null;
      case 'log':
      case 'graph':
        return null;
      default:
        this.#nodes.clear();
        this.#seen.clear();
        return null;
    }
  }

  #write(index: number, { node, request }: Extract<Action, { verb: 'io' }>): void {
    if (request.op === 'read' || request.op === 'flush' || request.length === 0) return;
    this.#seen.clear();
    // A discard that comes to nothing marks nothing.
    if (request.op !== 'discard') this.#writes.set(index, request);
    for (const bitmap of this.#nodes.get(node)?.values() ?? []) {
      if (bitmap.isEnabled) bitmap.known.add(`${index}@${bitmap.granularity}`);
    }
  }

  #command(action: Extract<Action, { verb: 'qmp' }>): void {
    if (/^(query-|x-debug-)/.test(action.command)) return;
    this.#seen.clear();
    for (const { name, args } of commandsOf(action)) this.#part(name, args);
  }

  #part(command: string, args: JsonObject): void {
    const verb = /^block-dirty-bitmap-(.*)$/.exec(command)?.[1];
    const node = String(args.node ?? args['node-name']);
    if (verb === undefined) this.#nodes.set(node, null);
    else this.#onBitmap(verb, node, args);
  }

  #onBitmap(verb: string, node: string, args: JsonObject): void {
    const bitmaps = this.#nodes.get(node);
    if (bitmaps === null || bitmaps === undefined) return;
    const name = String(args.name ?? args.target);
    if (verb === 'add') {
      const granularity = typeof args.granularity === 'number' ? args.granularity : null;
      bitmaps.set(name, { granularity, isEnabled: args.disabled !== true, known: new Set() });
      return;
    }
    const bitmap = bitmaps.get(name);
    if (bitmap === undefined) return;
    if (verb === 'remove') bitmaps.delete(name);
    else if (verb === 'clear') bitmap.known = new Set();
    else if (verb === 'enable') bitmap.isEnabled = true;
    else if (verb === 'disable') bitmap.isEnabled = false;
    else if (verb === 'merge') this.#merge(node, bitmap, args.bitmaps ?? []);
  }

  #merge(node: string, target: Bitmap, sources: Json): void {
    const of = (source: Json): Bitmap | undefined =>
      isJsonObject(source)
        ? this.#nodes.get(String(source.node))?.get(String(source.name))
        : this.#nodes.get(node)?.get(String(source));
    for (const source of Array.isArray(sources) ? sources : []) {
      const found = of(source);
      // Of where it comes from nothing is known: nor is it of where it goes to.
      if (found === undefined) this.#nodes.set(node, null);
      for (const write of found?.known ?? []) {
        target.known.add(
          found!.granularity === target.granularity ? write : `${write}>${target.granularity}`,
        );
      }
    }
  }

  #look(node: string, lines: readonly string[]): { law: string; observed: readonly string[] } | null {
    const before = this.#seen.get(node);
    const text = lines.join('\n');
    if (before !== undefined && before !== text) {
      return { law: 'what was refused changes nothing', observed: [...before.split('\n'), 'then', ...lines] };
    }
    this.#seen.set(node, text);
    const observed = parseObserved(lines);
    const bitmaps = this.#nodes.get(node);
    if (observed === null || bitmaps === null || bitmaps === undefined) return null;
    const law = brokenBetween(bitmaps, observed) ?? this.#unmarkedIn(bitmaps, observed);
    return law === null ? null : { law, observed: lines };
  }

  #unmarkedIn(bitmaps: ReadonlyMap<string, Bitmap>, { bitmaps: seen }: Observed): string | null {
    for (const [name, { known }] of bitmaps) {
      const areas = seen.get(name)?.areas ?? null;
      if (areas === null) continue;
      const writes = [...known].map((write) => this.#writes.get(Number.parseInt(write, 10)));
      const isMarked = writes.every((write) => write === undefined || covers(areas, [write]));
      if (!isMarked) return 'what was written is dirty';
    }
    return null;
  }
}

function brokenBetween(bitmaps: ReadonlyMap<string, Bitmap>, observed: Observed): string | null {
  const known = [...bitmaps].flatMap(([name, bitmap]) => {
    const seen = observed.bitmaps.get(name);
    return seen === undefined || seen.areas === null ? [] : [{ bitmap, seen }];
  });
  for (const { bitmap, seen } of known) {
    if (bitmap.known.size === 0 && seen.count !== 0) return 'what knows of nothing is clean';
    for (const other of known) {
      const isLess = [...other.bitmap.known].every((write) => bitmap.known.has(write));
      if (!isLess) continue;
      if (!covers(seen.areas!, other.seen.areas!)) return 'merging is monotone';
      const isSame = bitmap.known.size === other.bitmap.known.size;
      if (isSame && !looksAlike(seen, other.seen)) return 'who knows of the same looks the same';
    }
  }
  return null;
}

function looksAlike(one: ObservedBitmap, other: ObservedBitmap): boolean {
  if (one.granularity !== other.granularity) return true;
  return one.count === other.count && one.sha256 === other.sha256;
}
