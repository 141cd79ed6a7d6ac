/**
 * Breakpoints, and the requests that they hold. FILTERS.md, REF-089 to REF-095. A request is held before it begins, and is
 * made in one piece when it goes; so drivers know nothing of waiting. Offsets and lengths are bytes.
 */
import type { DebugEvent } from '../drivers/driver.js';
import type { Edge } from '../edge.js';
import type { Node } from '../node.js';
import { RequestError } from '../request-error.js';
import { eventsOf, type Passing, wayOf } from './route.js';

/** A request that was submitted: it is over when it was made, or given up. */
export interface Ticket {
  readonly isOver: boolean;
  /** Gives it up, unless it is over: it is never made, and its maker is told. */
  cancel(): void;
  /** Calls `action` once it is over: now, if it is. */
  whenOver(action: () => void): void;
}

/** A request, by whom, and what is to be done. */
export interface Submission {
  /** the use by which it is made; null: the user has no node now. Looked at each time, as nodes are replaced */
  readonly edge: () => Edge | null;
  readonly passing: Passing;
  /** makes it, at once and in one piece */
  readonly go: () => void;
  /** it will not be made */
  readonly givenUp: () => void;
}

interface Breakpoint {
  readonly node: Node;
  readonly event: DebugEvent;
  readonly tag: string;
}

/** A breakpoint that was met: the request waits until this one is resumed. */
interface Suspension {
  readonly node: Node;
  readonly tag: string;
  readonly held: Held;
}

/** A request that is held, for those who look. */
export interface HeldRequest {
  readonly edge: Edge | null;
  readonly passing: Passing;
  /** the suspensions that have to end, newest first; none: it waits for another request, or goes at the next step */
  readonly tags: readonly string[];
}

const OVER: Ticket = { isOver: true, cancel: () => {}, whenOver: (action) => action() };

/** An event of a node. */
interface Happening {
  readonly node: Node;
  readonly event: DebugEvent;
}

class Held implements Ticket {
  readonly submission: Submission;
  /** events that it has come by: they do not hold it any more */
  passed: readonly Happening[] = [];
  /** it is to go after that one */
  after: Held | null = null;
  isOver = false;
  readonly #queue: HeldRequests;
  readonly #actions: (() => void)[] = [];

  constructor(queue: HeldRequests, submission: Submission) {
    this.#queue = queue;
    this.submission = submission;
  }

  cancel(): void {
    if (this.isOver) return;
    this.#queue.forget(this);
    this.end(this.submission.givenUp);
  }

  whenOver(action: () => void): void {
    if (this.isOver) action();
    else this.#actions.push(action);
  }

  /** The last thing that is done about it. */
  end(act: () => void): void {
    this.isOver = true;
    act();
    for (const action of this.#actions.splice(0)) action();
  }
}

export class HeldRequests {
  /** told what a process that holds requests prints */
  tell: (text: string) => void = () => {};
  /** newest first */
  readonly #breakpoints: Breakpoint[] = [];
  /** newest first */
  readonly #suspensions: Suspension[] = [];
  /** oldest first */
  readonly #held = new Set<Held>();
  /** what may go on, in the order in which it was resumed */
  #ready: Held[] = [];

  /** Makes a request, or puts it on hold if it is to meet a breakpoint: until then nothing of it is done. REF-090, REF-091 */
  submit(submission: Submission): Ticket {
    // Nearly always nothing can hold it; then it costs nothing to ask.
    if (this.#breakpoints.length === 0 && this.#held.size === 0) {
      submission.go();
      return OVER;
    }
    const held = new Held(this, submission);
    this.#goOn(held);
    return held;
  }

  /** The breakpoint that the request would wait at now, or null. */
  heldBy(node: Node, passing: Passing): { readonly node: Node; readonly tag: string } | null {
    const met = this.#meets(node, passing, []);
    if (met !== null) return met.breakpoints[0]!;
    const copy = this.#copyOf(node, passing);
    return this.#suspensions.find((one) => one.held === copy) ?? null;
  }

  /** REF-089 */
  breakAt(node: Node, event: DebugEvent, tag: string): void {
    this.#breakpoints.unshift({ node, event, tag });
  }

  /** Whether a request waits at this node under this tag. */
  isHeld(node: Node, tag: string): boolean {
    return this.#suspensions.some((one) => one.node === node && one.tag === tag);
  }

  /** REF-092: the newest suspension of this tag ends. False if there is none. {@link run} lets the request go. */
  resume(node: Node, tag: string): boolean {
    const at = this.#suspensions.findIndex((one) => one.node === node && one.tag === tag);
    if (at < 0) return false;
    const [{ held }] = this.#suspensions.splice(at, 1) as [Suspension];
    this.tell(`blkdebug: Resuming request '${tag}'\n`);
    this.#resumed(held);
    return true;
  }

  /** REF-093: no request will be held under this tag, and none is. False if no breakpoint was waiting. */
  removeBreak(node: Node, tag: string): boolean {
    const isThere = remove(this.#breakpoints, (one) => one.node === node && one.tag === tag);
    while (this.resume(node, tag));
    return isThere;
  }

  /** Lets go one request whose suspensions have all ended; false if there is none. */
  step(): boolean {
    const held = this.#ready.shift();
    if (held === undefined) return false;
    this.#goOn(held);
    return true;
  }

  /** Lets go all of them. */
  run(): void {
    while (this.step());
  }

  /** Calls `action` when no request needs this use any more: now, if none does. REF-094 */
  afterAll(edge: Edge, action: () => void): void {
    const [one] = this.#by(edge);
    if (one === undefined) action();
    else one.whenOver(() => this.afterAll(edge, action));
  }

  /** The requests that are made by this use are given up. REF-094 */
  cancelBy(edge: Edge): void {
    for (const held of this.#by(edge)) held.cancel();
  }

  /** The end of the machine, or of an image and all its users: everything that is held is given up. REF-094 */
  cancelAll(): void {
    for (const held of [...this.#held]) held.cancel();
  }

  /** A node is gone: what it held goes on, at the next step; what was to be made of it is given up. REF-094 */
  gone(node: Node): void {
    remove(this.#breakpoints, (one) => one.node === node);
    for (const held of [...this.#held]) if (held.submission.edge()?.child === node) held.cancel();
    const here = this.#suspensions.filter((one) => one.node === node);
    remove(this.#suspensions, (one) => one.node === node);
    for (const { held } of here) this.#resumed(held);
  }

  forget(held: Held): void {
    this.#held.delete(held);
    remove(this.#suspensions, (one) => one.held === held);
    this.#ready = this.#ready.filter((one) => one !== held);
  }

  /** What is held, in order: by which use, and under which tags. */
  get all(): HeldRequest[] {
    return [...this.#held].map((held) => ({
      edge: held.submission.edge(),
      passing: held.submission.passing,
      tags: this.#suspensions.filter((one) => one.held === held).map(({ tag }) => tag),
    }));
  }

  /** REF-011: nodes that breakpoints and held requests are at, and that `isThere` does not know. */
  *verify(isThere: (node: Node) => boolean): Generator<string> {
    for (const { node, tag } of [...this.#breakpoints, ...this.#suspensions]) {
      if (!isThere(node)) yield `${node.name}: breakpoint ${tag} is at it, and it is gone`;
    }
    for (const { edge, passing } of this.all) {
      const named = `a ${passing.op} of ${passing.offset}+${passing.length}`;
      if (edge !== null && !isThere(edge.child))
        yield `${edge.child.name}: ${named} waits for it, and it is gone`;
      if (edge !== null && !edge.child.parents.includes(edge))
        yield `${edge.child.name}: ${named} is made by ${edge.parent.describe()}, which uses it no more`;
    }
    for (const held of this.#held) {
      const isSuspended = this.#suspensions.some((one) => one.held === held);
      if ((isSuspended || held.after !== null) === this.#ready.includes(held))
        yield `a ${held.submission.passing.op} is held, and by nothing`;
    }
  }

  #by(edge: Edge): Held[] {
    return [...this.#held].filter(({ submission }) => submission.edge() === edge);
  }

  #resumed(held: Held): void {
    if (!this.#suspensions.some((one) => one.held === held)) this.#ready.push(held);
  }

  /** To the next breakpoint on its way, or to its end. The way is looked for anew: nodes may have come or gone. */
  #goOn(held: Held): void {
    const { edge, passing, go } = held.submission;
    const node = edge()?.child;
    const met = node === undefined ? null : this.#meets(node, passing, held.passed);
    const copy = met !== null || node === undefined ? null : this.#copyOf(node, passing);
    if (copy !== null) {
      this.#waitFor(copy, held);
      return;
    }
    if (met === null) {
      this.forget(held);
      held.end(go);
      return;
    }
    this.#held.add(held);
    held.passed = met.passed;
    remove(this.#breakpoints, (one) => met.breakpoints.includes(one));
    for (const { node: at, tag } of met.breakpoints) {
      this.#suspensions.unshift({ node: at, tag, held });
      this.tell(`blkdebug: Suspended request '${tag}'\n`);
    }
  }

  /** REF-091: it goes when the other one has gone. */
  #waitFor(copy: Held, held: Held): void {
    this.#held.add(held);
    held.after = copy;
    copy.whenOver(() => {
      held.after = null;
      if (!held.isOver) this.#ready.push(held);
    });
  }

  /** A held request that is going to copy a part of what this one is going to change. REF-091 */
  #copyOf(node: Node, passing: Passing): Held | null {
    if (this.#held.size === 0) return null;
    const changes = wayUntilFailure(node, passing).filter((one) => CHANGES.has(one.passing.op));
    const isChanged = (copy: Part): boolean =>
      changes.some((change) => change.node === copy.node && overlap(change.passing, copy.passing));
    for (const held of this.#held) {
      const { edge, passing: other } = held.submission;
      const at = edge()?.child;
      if (at === undefined) continue;
      const copies = wayUntilFailure(at, other).filter((one) => one.passing.op === 'copy');
      if (copies.some(isChanged)) return held;
    }
    return null;
  }

  /** The first event on the way, but for those `passed`, that has breakpoints; the way of a request that will fail ends there. */
  #meets(
    node: Node,
    passing: Passing,
    passed: readonly Happening[],
  ): { readonly breakpoints: readonly Breakpoint[]; readonly passed: readonly Happening[] } | null {
    if (this.#breakpoints.length === 0) return null;
    if (passing.offset > node.size || passing.length > node.size - passing.offset) return null;
    const isAt = (one: Happening) => (other: Happening) =>
      one.node === other.node && one.event === other.event;
    const come = [...passed];
    try {
      for (const here of eventsOf(node, passing)) {
        if (passed.some(isAt(here))) continue;
        come.push(here);
        const breakpoints = this.#breakpoints.filter(isAt(here));
        if (breakpoints.length > 0) return { breakpoints, passed: come };
      }
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
    }
    return null;
  }
}

const CHANGES: ReadonlySet<Passing['op']> = new Set(['write', 'zero', 'discard']);

interface Part {
  readonly node: Node;
  readonly passing: Passing;
}

/** The way of a request as far as it will come. */
function wayUntilFailure(node: Node, passing: Passing): Part[] {
  const way: Part[] = [];
  try {
    for (const part of wayOf(node, passing)) way.push(part);
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
  }
  return way;
}

function overlap(one: Passing, other: Passing): boolean {
  return one.offset < other.offset + other.length && other.offset < one.offset + one.length;
}

/** Whether there was anything to remove. */
function remove<T>(list: T[], isMeant: (one: T) => boolean): boolean {
  const kept = list.filter((one) => !isMeant(one));
  const isAny = kept.length < list.length;
  if (isAny) list.splice(0, list.length, ...kept);
  return isAny;
}

/** The node with breakpoints that requests of `node` come by, or null. REF-089 */
export function breakable(node: Node): Node | null {
  for (let at: Node | undefined = node; at !== undefined; ) {
    if (at.driver.canBreak === true) return at;
    at = (at.edge('image') ?? at.edge('file'))?.child;
  }
  return null;
}
