/**
 * Random histories of the graph beside a real qemu-storage-daemon, whose images are qcow2: every command is answered alike,
 * and the same nodes are there, read-only or not, over the same. More of them:
 * QBM_GRAPH_BESIDE=5000 node dist/spec/qmp/graph/graph-differential.test.js
 */
import { copyFileSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { readJson } from '../../json/read.js';
import { isJsonObject, type Json, type JsonObject, jsonObject } from '../../json/value.js';
import { writeJson } from '../../json/write.js';
import { Daemon, daemonVersion } from '../qsd-for-tests.js';
import { DISK, histories, IMAGES, SPARE, type Step } from './graph-history-for-tests.js';
import { shownGraph } from './graph-model-for-tests.js';
import { GraphRun, type Verdict } from './graph-run-for-tests.js';

const RUNS = Number(process.env.QBM_GRAPH_BESIDE ?? 200);
const SEED = Number(process.env.QBM_GRAPH_SEED ?? 254);
/** milliseconds for one history; far more than it takes */
const LIMIT = 5000;
const version = daemonVersion();
const isMeasured = version?.startsWith('7.2.') === true;
const skip = isMeasured ? false : `qemu-storage-daemon 7.2 is not in PATH (found: ${version ?? 'none'})`;

/** After these the two graphs are not the same any more: what a QBM image cannot do, or QEMU should not. */
const APART: ReadonlySet<string> = new Set([
  'QBM-E-EXISTS', // QEMU overwrites
  'REF-E-BACKING-NAME', // QEMU stores options
  'REF-E-RAW-OFFSET', // the files of QEMU's images are longer
  'REF-E-READ-ONLY', // QEMU takes bitmaps that it cannot store
  'REF-E-REOPEN-DESCRIPTOR', // QEMU replaces the file of an image
  'REF-E-QBM-FILE', // QEMU reads the format of any node
]);

/** The daemon with a directory of images. */
class Beside implements Disposable {
  readonly #directory = mkdtempSync(join(tmpdir(), 'qbm-graph-'));
  readonly #daemon = new Daemon();
  #isReady = false;

  async ask(step: Extract<Step, { kind: 'qmp' }>): Promise<Verdict> {
    const reply = await this.#execute(step.name, this.#mapped(step.args) as JsonObject);
    if ('return' in reply) return 'ok';
    const text = String((reply.error as JsonObject).desc);
    return { id: '', text: text.replaceAll(`${this.#directory}/`, '').replaceAll('qcow2', 'qbm') };
  }

  async look(): Promise<string> {
    const nodes = await this.#execute('query-named-block-nodes', jsonObject({ flat: true }));
    const graph = await this.#execute('x-debug-query-block-graph', jsonObject());
    return essence(nodes.return!, graph.return!);
  }

  /** New images, and no node. */
  async begin(): Promise<void> {
    if (!this.#isReady) await this.#prepare();
    for (let left = true; left; ) {
      const { return: nodes } = await this.#execute('query-named-block-nodes', jsonObject({ flat: true }));
      left = false;
      for (const node of nodes as JsonObject[]) {
        const args = jsonObject({ 'node-name': node['node-name']! });
        if ('return' in (await this.#execute('blockdev-del', args))) left = true;
      }
    }
    for (const file of readdirSync(this.#directory)) if (file.startsWith('new-')) rmSync(this.#path(file));
    for (const name of [...IMAGES, ...SPARE]) copyFileSync(this.#path('template'), this.#path(`${name}.img`));
    writeFileSync(this.#path('r.raw'), '');
    truncateSync(this.#path('r.raw'), DISK);
  }

  /** An empty qcow2 image, made by the daemon itself. */
  async #prepare(): Promise<void> {
    this.#isReady = true;
    await this.#daemon.line();
    await this.#daemon.ask('{"execute": "qmp_capabilities"}');
    writeFileSync(this.#path('template'), '');
    const file = jsonObject({ driver: 'file', 'node-name': 'template', filename: this.#path('template') });
    await this.#execute('blockdev-add', file);
    const options = jsonObject({ driver: 'qcow2', file: 'template', size: DISK });
    await this.#execute('blockdev-create', jsonObject({ 'job-id': 'make', options }));
    for (;;) {
      const { return: jobs } = await this.#execute('query-jobs', jsonObject());
      if ((jobs as JsonObject[])[0]?.status === 'concluded') break;
    }
    await this.#execute('job-dismiss', jsonObject({ id: 'make' }));
  }

  #path(name: string): string {
    return join(this.#directory, name);
  }

  #mapped(value: Json, member = ''): Json {
    if (Array.isArray(value)) return value.map((item) => this.#mapped(item));
    if (isJsonObject(value)) {
      const entries = Object.entries(value).map(([name, one]) => [name, this.#mapped(one, name)]);
      return jsonObject(Object.fromEntries(entries) as JsonObject);
    }
    if (value === 'qbm') return 'qcow2';
    return member === 'filename' || member === 'snapshot-file' ? this.#path(String(value)) : value;
  }

  async #execute(execute: string, args: JsonObject): Promise<JsonObject> {
    const lines = await this.#daemon.ask(writeJson(jsonObject({ execute, arguments: args })));
    const reply = lines.find((line) => line.startsWith('{'));
    return readJson(reply!) as JsonObject;
  }

  [Symbol.dispose](): void {
    this.#daemon[Symbol.dispose]();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** The named nodes in their order: driver, whether read-only, size, what is below. */
function essence(nodes: Json, graph: Json): string {
  const shown = shownGraph(nodes, graph);
  const isImage = (driver: string): boolean => driver === 'qbm' || driver === 'qcow2';
  // An overlay may come to lie over the file of an image, which then writes what it has to say to that.
  const files = new Set(
    [...shown.values()].map(({ driver, children }) => isImage(driver) && children.get('file')),
  );
  return (nodes as JsonObject[])
    .filter((node) => !String(node['node-name']).startsWith('#'))
    .map((node) => {
      const name = String(node['node-name']);
      const { driver, size, children } = shown.get(name)!;
      // How long a file is depends on the format, and so does what stands on it alone.
      const isDisk = isImage(driver) && !files.has(name);
      const length = isDisk ? ` ${size}` : '';
      const below = [...children].filter(([, child]) => !child.startsWith('#')).map((each) => each.join(' '));
      const bitmaps = ((node['dirty-bitmaps'] ?? []) as JsonObject[]).map(
        ({ name, recording, persistent, granularity }) => `${name} ${granularity} ${recording} ${persistent}`,
      );
      return [
        `${name} ${driver.replace('qcow2', 'qbm')}${length}${node.ro === true ? ' ro' : ''}`,
        ...below.sort(),
        ...bitmaps,
      ].join(', ');
    })
    .join('\n');
}

async function playBeside(beside: Beside, history: readonly Step[]): Promise<void> {
  await beside.begin();
  const run = new GraphRun();
  const said: string[] = [];
  for (const unresolved of history) {
    const step = run.resolve(unresolved);
    if (step.kind !== 'qmp' || isOverAFile(step)) continue;
    const isEntangled = givesUsersAway(run, step);
    const ours = run.play(step);
    if (ours !== 'ok' && (APART.has(ours.id) || isEntangled || isHalfReadOnly(step))) return;
    const theirs = await beside
      .ask(step)
      .catch((error: Error): Verdict => ({ id: '', text: `${error.message}` }));
    // Taking back a change puts users that were there before in front in QEMU: another one of several is named. Which of
    // several options is named has no order there at all.
    const text = (verdict: Verdict): string =>
      verdict === 'ok'
        ? 'ok'
        : verdict.text
            .replace(/(used as backing hd of) '.*'/, '$1 somebody')
            .replace(/(Cannot change the option) '.*'/, '$1 of several');
    said.push(`${step.name} ${writeJson(step.args)}\n   ${text(ours)}`);
    const isEnded = theirs !== 'ok' && theirs.text.includes('has ended');
    const [here, there] = [essenceOf(run), isEnded ? '' : await beside.look()];
    if (text(ours) === text(theirs) && here === there) continue;
    throw new Error(
      `${said.join('\n')}\nbeside it: ${text(theirs)}\n--- here\n${here}\n--- beside\n${there}`,
    );
  }
}

/**
 * An overlay over the file of an image lies between the image and its file, and what an image writes to its file is its own
 * business; one over its own file is what QEMU does not survive the next refusal above (reopen-undone-over-its-own-file).
 */
function isOverAFile({ name, args }: Extract<Step, { kind: 'qmp' }>): boolean {
  const isSnapshot = name === 'transaction' || name.startsWith('blockdev-snapshot');
  return isSnapshot && /"(node|node-name)": "\w+-file"/.test(writeJson(args));
}

/**
 * A transaction that puts an overlay with users of its own over a node: when QEMU takes that back it gives them to the
 * node, too (snapshot-undone-overlay-with-users).
 */
function givesUsersAway({ machine }: GraphRun, step: Extract<Step, { kind: 'qmp' }>): boolean {
  if (step.name !== 'transaction') return false;
  return (step.args.actions as JsonObject[]).some(
    ({ type, data }) =>
      type === 'blockdev-snapshot' &&
      (machine.graph.find(String((data as JsonObject).overlay))?.parents.length ?? 0) > 0,
  );
}

/** A reopening to read-only: after a refusal QEMU's bitmaps are read-only all the same (reopen-refused-bitmaps-go-on). */
function isHalfReadOnly({ name, args }: Extract<Step, { kind: 'qmp' }>): boolean {
  return name === 'blockdev-reopen' && writeJson(args).includes('"read-only": true');
}

function essenceOf({ machine }: GraphRun): string {
  const query = (name: string): Json => machine.execute({ name, arguments: undefined });
  return essence(query('query-named-block-nodes'), query('x-debug-query-block-graph'));
}

if (skip && process.env.CI) t.fail(skip);

t.setTimeout(RUNS * LIMIT);
t.test(
  `${RUNS} histories of the graph beside qemu-storage-daemon (REF-030, REF-036, REF-038)`,
  { skip, timeout: RUNS * LIMIT },
  async () => {
    let beside = new Beside();
    try {
      await fc.assert(
        fc.asyncProperty(histories({ format: 'qbm', beside: true }, 24), async (history) => {
          try {
            await playBeside(beside, history);
          } catch (failure) {
            // What it has left behind, if it lives, must not be met by the next.
            beside[Symbol.dispose]();
            beside = new Beside();
            throw failure;
          }
        }),
        { numRuns: RUNS, seed: SEED },
      );
    } finally {
      beside[Symbol.dispose]();
    }
  },
);
