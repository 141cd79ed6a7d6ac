/**
 * What mirrors, and commits that follow a disk, have made of their targets: as long as one follows its disk, and if it does not end well, nobody knows how far
 * it has come, and which bitmaps of the target have heard of it. A commit that met an error has come as far as the pieces in which it
 * copies go, and these are those that lie together in the file of an image.
 */
import type { Node } from '../../../spec/block/node.js';
import { BlockJob } from '../../../spec/job/block-job.js';
import type { Job } from '../../../spec/job/job.js';
import type { Action } from '../../case/case.js';
import type { ModelRun } from './model-run.js';

const COPIES = /^(blockdev-(backup|mirror)|block-(commit|stream)|transaction)$/;
const OF_BITMAPS = /^(block-dirty-bitmap-merge|x-debug-block-dirty-bitmap-sha256|transaction)$/;
const OF_ALL_BITMAPS = /^query-(named-block-nodes|block)$/;

export class Mirrored {
  /** mirrors that have not ended, with what they write to */
  readonly #mirrors = new Map<Job, Written>();
  /** other commits, with their bases */
  readonly #commits = new Map<Job, Written>();
  /** nodes whose bytes, and those whose bitmaps, are luck */
  readonly #bytes = new Set<string>();
  readonly #bitmaps = new Set<string>();

  /** After each step. What a mirror has copied that nothing has disturbed is known. */
  see({ jobs, undisturbed }: ModelRun): void {
    for (const job of jobs) {
      if (/^(mirror|commit)$/.test(job.driver.type)) note(this.#mirrors, job, 'target');
      if (job.driver.type === 'commit') note(this.#commits, job, 'base');
    }
    this.#seeCommits();
    for (const [job, { now, ever }] of this.#mirrors) {
      const isOver = job.status === 'concluded' || job.status === 'null';
      if (isOver) this.#mirrors.delete(job);
      if (undisturbed.has(job)) continue;
      for (const name of ever) {
        if (isOver && job.error === null && now.includes(name)) this.#bytes.delete(name);
        else this.#bytes.add(name);
        if (job.driver.type === 'mirror') this.#bitmaps.add(name);
      }
    }
  }

  #seeCommits(): void {
    for (const [job, { now, ever }] of this.#commits) {
      const isGone = job.status === 'concluded' || job.status === 'null';
      const hasFailed = (job instanceof BlockJob && job.ioStatus !== 'ok') || job.error !== null;
      if (hasFailed) for (const name of ever) this.#bytes.add(name);
      else if (isGone) for (const name of now) this.#bytes.delete(name);
      if (isGone) this.#commits.delete(job);
    }
  }

  /** Whether a step shows, or copies, what is luck. */
  isLook(run: ModelRun, action: Action): boolean {
    if (this.#bitmaps.size === 0 && this.#bytes.size === 0) return false;
    switch (action.verb) {
      case 'observe':
        return this.#isMarked(action.node);
      case 'io':
        return action.request.op === 'read' && this.#isVague(run, action.node);
      case 'nbd':
        return run.machine.exports.all.some(({ edge }) => this.#isVague(run, edge.child.name));
      case 'qmp':
        return this.#isAsked(run, action);
      default:
        return false;
    }
  }

  #isAsked(run: ModelRun, { command, arguments: args }: Extract<Action, { verb: 'qmp' }>): boolean {
    if (OF_ALL_BITMAPS.test(command)) {
      return run.nodes.some(({ name, bitmaps }) => this.#isMarked(name) && bitmaps.length > 0);
    }
    const text = JSON.stringify(args ?? null);
    const isNamed = (name: string): boolean => text.includes(`"${name}"`);
    if (OF_BITMAPS.test(command) && [...this.#bitmaps, ...this.#bytes].some(isNamed)) return true;
    return COPIES.test(command) && run.nodes.some(({ name }) => isNamed(name) && this.#isVague(run, name));
  }

  /** Whether bitmaps of the node have heard of what may have come to it, or not. */
  #isMarked(name: string): boolean {
    return this.#bitmaps.has(name) || this.#bytes.has(name);
  }

  /** The node, or what it shows of others. */
  #isVague(run: ModelRun, name: string): boolean {
    const node = run.machine.graph.find(name);
    if (node === undefined || this.#bytes.size === 0) return false;
    // What the image has that is committed covers what has come down of it, or has not.
    const covers = new Set([...this.#mirrors.keys()].map(committed));
    const isHere = (one: Node): boolean =>
      this.#bytes.has(one.name) || (!covers.has(one) && one.children.some(({ child }) => isHere(child)));
    return isHere(node);
  }
}

/** The uppermost image of a commit; null: it is none. */
function committed(job: Job): Node | null {
  if (job.driver.type !== 'commit' || !(job instanceof BlockJob)) return null;
  return nodeOf(job, 'source') ?? null;
}

/** The names of what a job writes to. */
interface Written {
  /** as long as it has it */
  readonly now: readonly string[];
  /** also what was there before an overlay came below its target: how much had come by then is luck */
  readonly ever: ReadonlySet<string>;
}

/** @param use the name of the node that it writes to, among those that it uses */
function note(written: Map<Job, Written>, job: Job, use: 'target' | 'base'): void {
  const node = job instanceof BlockJob ? nodeOf(job, use) : undefined;
  if (node === undefined) return;
  const now = held(node);
  written.set(job, { now, ever: new Set([...(written.get(job)?.ever ?? []), ...now]) });
}

function nodeOf(job: BlockJob, use: string): Node | undefined {
  return job.uses.find(({ name }) => name === use)?.child;
}

/** The node, and those below it that hold its bytes. A filter holds nothing itself. */
function held(node: Node): string[] {
  const below = node.children.filter(({ name }) => name === 'file' || name === 'image');
  return [node, ...below.map(({ child }) => child)].map(({ name }) => name);
}
