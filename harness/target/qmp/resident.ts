/**
 * One running program that speaks QMP, kept for many cases: started, asked what it can do, cleaned between cases.
 */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isJsonObject, type Json, type JsonObject } from '../../../spec/json/value.js';
import { type Child, ScratchDirectory, settles } from '../process.js';
import { type Identity, TargetFault } from '../target.js';
import { QmpClient } from './client.js';
import { Exports, isOurEvent } from './exports.js';
import { OVERLAY_DRIVER } from './images.js';

/** How to start a program that speaks QMP. */
export interface QmpProgram {
  /** for a person: "qemu-storage-daemon" */
  readonly label: string;
  /** starts it; `directory` is there for its sockets. @throws TargetFault */
  start(
    directory: string,
  ): Promise<{ readonly child: Child; readonly channel: Pick<Child, 'input' | 'output'> }>;
}

/** How long a program may take from its start to the end of the negotiation, milliseconds. */
const START_LIMIT_MS = 30_000;
/** How long we wait for a program's death once one of its connections has broken. */
const DEATH_LIMIT_MS = 1000;

export class Resident {
  readonly child: Child;
  readonly qmp: QmpClient;
  readonly exports: Exports;
  readonly identity: Identity;
  readonly commands: ReadonlySet<string>;
  /** where the files of the case are; there while a case runs */
  readonly directory: string;
  readonly #scratch: ScratchDirectory;

  private constructor(
    parts: { child: Child; qmp: QmpClient; scratch: ScratchDirectory },
    identity: Identity,
    commands: ReadonlySet<string>,
  ) {
    this.child = parts.child;
    this.qmp = parts.qmp;
    this.#scratch = parts.scratch;
    this.identity = identity;
    this.commands = commands;
    this.directory = join(parts.scratch.path, 'case');
    this.exports = new Exports(parts.qmp, join(parts.scratch.path, 'nbd'));
  }

  /** @throws TargetFault */
  static async start(program: QmpProgram): Promise<Resident> {
    const scratch = new ScratchDirectory();
    let child: Child | undefined;
    let qmp: QmpClient | undefined;
    try {
      const started = await program.start(scratch.path);
      child = started.child;
      qmp = await QmpClient.connect(child, started.channel, isOurEvent, START_LIMIT_MS);
      const commands = await readCommands(qmp);
      const identity = await identify(program.label, qmp, commands);
      return new Resident({ child, qmp, scratch }, identity, commands);
    } catch (error) {
      qmp?.close();
      await child?.destroy();
      await scratch.remove();
      throw error;
    }
  }

  /** Whether it can serve another case. */
  get isAlive(): boolean {
    return this.qmp.fault === null && this.child.exit === null;
  }

  async makeDirectory(): Promise<void> {
    await mkdir(this.directory, { recursive: true });
  }

  /**
   * Removes everything that a case made.
   *
   * @returns false when something is left, and the program has to be restarted
   * @throws TargetFault
   */
  async clean(limitMs: number): Promise<boolean> {
    await this.exports.release(limitMs);
    const [jobs, exports] = await Promise.all([
      this.#list('query-jobs', limitMs),
      this.#list('query-block-exports', limitMs),
    ]);
    if (jobs.length > 0) return false;
    for (const { id } of exports) await this.#removeExport(String(id), limitMs);
    if (!(await this.#removeNodes(limitMs))) return false;
    this.qmp.takeEvents();
    await rm(this.directory, { recursive: true, force: true });
    return true;
  }

  /**
   * What a fault of any of the program's connections means: if the program died, then that is the news. In any case
   * it is of no more use.
   */
  async explain(error: unknown): Promise<unknown> {
    if (!(error instanceof TargetFault)) return error;
    const isBroken = error.kind === 'crash' || error.kind === 'garbage';
    if (isBroken && this.qmp.fault === null && (await settles(this.child.exited, DEATH_LIMIT_MS))) {
      return new TargetFault('crash', `${error.message}; ${this.child.death()}`);
    }
    return error;
  }

  /** Ends the program: with `force` at once. Removes its directory. */
  async stop(force: boolean): Promise<void> {
    this.exports.destroy();
    if (!force) {
      this.qmp.close();
      await this.child.stop();
    } else {
      await this.child.destroy();
      this.qmp.close();
    }
    await this.#scratch.remove();
  }

  async #removeExport(id: string, limitMs: number): Promise<void> {
    await this.qmp.causing(
      ({ event, data }) => event === 'BLOCK_EXPORT_DELETED' && isJsonObject(data) && data.id === id,
      `BLOCK_EXPORT_DELETED of ${id}`,
      limitMs,
      async () => 'return' in (await this.qmp.execute('block-export-del', { id, mode: 'hard' }, limitMs)),
    );
  }

  /** A node goes once nobody uses it, so we try all until none is left or none goes. */
  async #removeNodes(limitMs: number): Promise<boolean> {
    let left = Number.POSITIVE_INFINITY;
    for (;;) {
      const nodes = await this.#list('query-named-block-nodes', limitMs, { flat: true });
      if (nodes.length === 0) return true;
      if (nodes.length >= left) return false;
      left = nodes.length;
      for (const node of nodes) {
        await this.qmp.execute('blockdev-del', { 'node-name': node['node-name']! }, limitMs);
      }
    }
  }

  async #list(command: string, limitMs: number, args?: JsonObject): Promise<JsonObject[]> {
    if (!this.commands.has(command)) return [];
    const list = await this.qmp.demand(command, args, limitMs);
    return Array.isArray(list) ? list.filter(isJsonObject) : [];
  }
}

async function readCommands(qmp: QmpClient): Promise<ReadonlySet<string>> {
  const list = await qmp.demand('query-commands', undefined, START_LIMIT_MS);
  const names = Array.isArray(list) ? list.map((item) => (isJsonObject(item) ? String(item.name) : '')) : [];
  return new Set(names);
}

async function identify(label: string, qmp: QmpClient, commands: ReadonlySet<string>): Promise<Identity> {
  const { version, package: origin } = qmp.greeting;
  const capabilities = new Set(['qmp']);
  for (const command of commands) capabilities.add(`command:${command}`);
  for (const [capability, command] of CAPABILITIES) if (commands.has(command)) capabilities.add(capability);
  const drivers = commands.has('query-qmp-schema')
    ? driversOf(await qmp.demand('query-qmp-schema', undefined, START_LIMIT_MS))
    : ['file', 'raw'];
  for (const driver of drivers) capabilities.add(`driver:${driver}`);
  const formats = new Set(['raw']);
  if (drivers.includes(OVERLAY_DRIVER) && commands.has('blockdev-create')) formats.add('overlay');
  return {
    program: `${label} ${version}${origin === '' ? '' : ` (${origin})`}`,
    version,
    capabilities,
    formats,
  };
}

/** Capabilities that follow from a command. */
const CAPABILITIES: readonly (readonly [capability: string, command: string])[] = [
  ['bitmap', 'block-dirty-bitmap-add'],
  ['transaction', 'transaction'],
  ['resize', 'block_resize'],
  ['io', 'block-export-add'],
];

/** The drivers that blockdev-add knows: the variants of its argument type. The types have numbers for names. */
function driversOf(schema: Json): string[] {
  const types = new Map(
    (Array.isArray(schema) ? schema : [])
      .filter(isJsonObject)
      .map((type) => [`${type['meta-type']} ${type.name}`, type]),
  );
  const options = types.get(`object ${types.get('command blockdev-add')?.['arg-type']}`);
  const variants = options?.variants;
  return Array.isArray(variants)
    ? variants.map((variant) => (isJsonObject(variant) ? String(variant.case) : ''))
    : [];
}
