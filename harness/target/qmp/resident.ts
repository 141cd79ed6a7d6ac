/**
 * One running program that speaks QMP, kept for many cases: started, asked what it can do, cleaned between cases,
 * replaced by a new process where a case says so.
 */
import { readdirSync } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isJsonObject, type Json, type JsonObject } from '../../../spec/json/value.js';
import { clientCapabilities } from '../clients.js';
import { type Child, ScratchDirectory, settles } from '../process.js';
import { type Identity, TargetFault, type Use } from '../target.js';
import { QmpClient } from './client.js';
import { removeDevices } from './devices.js';
import { Exports, isOurEvent } from './exports.js';
import { overlayDriver } from './images.js';

/** How to start a program that speaks QMP. */
export interface QmpProgram {
  /** for a person: "qemu-storage-daemon" */
  readonly label: string;
  /** it has a machine that devices can be added to */
  readonly hasDevices?: boolean;
  /** starts it; `directory` is there for its sockets. @throws TargetFault */
  start(
    directory: string,
  ): Promise<{ readonly child: Child; readonly channel: Pick<Child, 'input' | 'output'> }>;
}

/** How long a program may take from its start to the end of the negotiation, milliseconds. */
const START_LIMIT_MS = 30_000;
/** How long we wait for a program's death once one of its connections has broken. */
const DEATH_LIMIT_MS = 1000;

/** The name of the case's directory in the scratch directory. Beside it are the sockets of the process. */
const CASE = 'case';

/** A process with our connections to it. */
interface Running {
  readonly child: Child;
  readonly qmp: QmpClient;
  readonly exports: Exports;
}

export class Resident {
  readonly identity: Identity;
  readonly commands: ReadonlySet<string>;
  /** where the files of the case are; there while a case runs */
  readonly directory: string;
  readonly #program: QmpProgram;
  readonly #use: Use;
  readonly #scratch: ScratchDirectory;
  #running: Running;
  #isStopped = false;
  #isDirectoryThere = false;

  private constructor(
    program: QmpProgram,
    use: Use,
    scratch: ScratchDirectory,
    running: Running,
    identity: Identity,
    commands: ReadonlySet<string>,
  ) {
    this.#program = program;
    this.#use = use;
    this.#scratch = scratch;
    this.#running = running;
    this.identity = identity;
    this.commands = commands;
    this.directory = join(scratch.path, CASE);
  }

  /** @throws TargetFault */
  static async start(program: QmpProgram, use: Use): Promise<Resident> {
    const scratch = new ScratchDirectory();
    let running: Running | undefined;
    try {
      running = await launch(program, use, scratch);
      const { qmp } = running;
      const commands = await readCommands(qmp);
      const identity = await identify(program.label, qmp, commands);
      return new Resident(program, use, scratch, running, identity, commands);
    } catch (error) {
      running?.qmp.close();
      await running?.child.destroy();
      await scratch.remove();
      throw error;
    }
  }

  /** What stands for the format `overlay`, where it is one of the formats. */
  get overlayDriver(): string {
    const { capabilities } = this.identity;
    const drivers = [...capabilities].filter((name) => name.startsWith('driver:'));
    return overlayDriver(drivers.map((name) => name.slice('driver:'.length))) ?? 'raw';
  }

  get hasDevices(): boolean {
    return this.#program.hasDevices === true;
  }

  get child(): Child {
    return this.#running.child;
  }

  get qmp(): QmpClient {
    return this.#running.qmp;
  }

  get exports(): Exports {
    return this.#running.exports;
  }

  /** Whether it can serve another case. */
  get isAlive(): boolean {
    return this.qmp.fault === null && this.child.exit === null;
  }

  /**
   * Replaces the process by a new one. The files of the case stay; our exports are made anew when they are needed.
   *
   * @param how `quit`: by its command, in at most `limitMs`, and it has to end without a complaint; `kill`: by SIGKILL
   * @throws TargetFault
   */
  async restart(how: 'quit' | 'kill', limitMs: number): Promise<void> {
    const { child, qmp, exports } = this.#running;
    if (how === 'quit') await this.#quit(limitMs);
    else await this.#kill();
    exports.destroy();
    qmp.close();
    // A socket that the old process listened on would be taken for that of the new one.
    for (const name of await readdir(this.#scratch.path)) {
      if (name !== CASE) await rm(join(this.#scratch.path, name), { recursive: true, force: true });
    }
    const running = await launch(this.#program, this.#use, this.#scratch);
    this.#running = running;
    if (!this.#isStopped) return;
    await this.stop(true);
    throw new TargetFault('crash', `${child.name} was stopped by the harness while it was restarted`);
  }

  async makeDirectory(): Promise<void> {
    if (!this.#isDirectoryThere) await mkdir(this.directory, { recursive: true });
    this.#isDirectoryThere = true;
  }

  /**
   * Removes everything that a case made.
   *
   * @returns false when something is left, and the program has to be restarted
   * @throws TargetFault
   */
  async clean(limitMs: number): Promise<boolean> {
    await this.exports.release(limitMs);
    // In most cases there are nodes and nothing else: that is asked all at once.
    const [jobs, exports, nodes] = await Promise.all([
      this.#list('query-jobs', limitMs),
      this.#list('query-block-exports', limitMs),
      this.#nodes(limitMs),
    ]);
    if (!(await this.#removeJobs(jobs, limitMs))) return false;
    for (const { id } of exports) await this.#removeExport(String(id), limitMs);
    if (this.hasDevices) await removeDevices(this.qmp, limitMs);
    const isAsFound = jobs.length === 0 && !this.hasDevices;
    if (!(await this.#removeNodes(isAsFound ? nodes : await this.#nodes(limitMs), limitMs))) return false;
    this.qmp.takeEvents();
    // Many histories make no file, and to remove a directory and make it again takes as long as a few commands.
    if (readdirSync(this.directory).length > 0) {
      await rm(this.directory, { recursive: true, force: true });
      this.#isDirectoryThere = false;
    }
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
    this.#isStopped = true;
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

  /** Waits for the end itself, not for the reply: until then images are being written, and are locked. */
  async #quit(limitMs: number): Promise<void> {
    const { child, qmp, exports } = this.#running;
    await exports.release(limitMs);
    try {
      await qmp.quit(limitMs);
    } catch (error) {
      if (child.exit === null) throw error;
      // It was quicker than its reply; how it ended is looked at below.
    }
    if (!(await settles(child.exited, limitMs))) {
      throw new TargetFault('hang', `${child.name} still runs ${limitMs} ms after its reply to quit`);
    }
    if (child.exit?.code !== 0) throw new TargetFault('crash', `quit: ${child.death()}`);
  }

  async #kill(): Promise<void> {
    const { child, qmp } = this.#running;
    // A target that has crashed by itself must not look as if the case had killed it.
    if (qmp.fault !== null) throw qmp.fault;
    await child.destroy();
    if (child.exit === null) throw new TargetFault('hang', `${child.name} still runs after SIGKILL`);
    if (child.exit.signal !== 'SIGKILL') throw new TargetFault('crash', `${child.death()}`);
  }

  /** A job that ends may take others of its transaction with it, so the list is read again after each. */
  async #removeJobs(found: readonly JsonObject[], limitMs: number): Promise<boolean> {
    for (let jobs = found; ; jobs = await this.#list('query-jobs', limitMs)) {
      const [job] = jobs;
      if (job === undefined) return true;
      const id = String(job.id);
      if (job.status !== 'concluded') await this.#cancelJob(id, limitMs);
      else if ('error' in (await this.qmp.execute('job-dismiss', { id }, limitMs))) return false;
    }
  }

  /** Until it is concluded, and perhaps gone. */
  async #cancelJob(id: string, limitMs: number): Promise<void> {
    await this.qmp.causing(
      ({ event, data }) =>
        event === 'JOB_STATUS_CHANGE' && isJsonObject(data) && data.id === id && data.status === 'concluded',
      `end of job ${id}`,
      limitMs,
      async () => 'return' in (await this.qmp.execute('job-cancel', { id }, limitMs)),
    );
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
  async #removeNodes(found: readonly JsonObject[], limitMs: number): Promise<boolean> {
    let left = Number.POSITIVE_INFINITY;
    for (let nodes = found; ; nodes = await this.#nodes(limitMs)) {
      if (nodes.length === 0) return true;
      if (nodes.length >= left) return false;
      left = nodes.length;
      const names = nodes.map((node) => ({ 'node-name': node['node-name']! }));
      await Promise.all(names.map((name) => this.qmp.execute('blockdev-del', name, limitMs)));
    }
  }

  #nodes(limitMs: number): Promise<JsonObject[]> {
    return this.#list('query-named-block-nodes', limitMs, { flat: true });
  }

  async #list(command: string, limitMs: number, args?: JsonObject): Promise<JsonObject[]> {
    if (!this.commands.has(command)) return [];
    const list = await this.qmp.demand(command, args, limitMs);
    return Array.isArray(list) ? list.filter(isJsonObject) : [];
  }
}

/** Starts a process and connects to it. @throws TargetFault */
async function launch(program: QmpProgram, use: Use, scratch: ScratchDirectory): Promise<Running> {
  const { child, channel } = await program.start(scratch.path);
  try {
    const qmp = await QmpClient.connect(child, channel, { isOurs: isOurEvent, ...use }, START_LIMIT_MS);
    return { child, qmp, exports: new Exports(qmp, join(scratch.path, 'nbd')) };
  } catch (error) {
    await child.destroy();
    throw error;
  }
}

async function readCommands(qmp: QmpClient): Promise<ReadonlySet<string>> {
  const list = await qmp.demand('query-commands', undefined, START_LIMIT_MS);
  const names = Array.isArray(list) ? list.map((item) => (isJsonObject(item) ? String(item.name) : '')) : [];
  return new Set(names);
}

async function identify(label: string, qmp: QmpClient, commands: ReadonlySet<string>): Promise<Identity> {
  const { version, package: origin } = qmp.greeting;
  const capabilities = new Set(['qmp', 'node', ...clientCapabilities()]);
  for (const command of commands) capabilities.add(`command:${command}`);
  for (const [capability, command] of CAPABILITIES) if (commands.has(command)) capabilities.add(capability);
  const schema = commands.has('query-qmp-schema')
    ? await qmp.demand('query-qmp-schema', undefined, START_LIMIT_MS)
    : null;
  const drivers = schema === null ? ['file', 'raw'] : driversOf(schema);
  if (schema !== null && givesTargetsNames(schema)) capabilities.add('target-id');
  for (const driver of drivers) capabilities.add(`driver:${driver}`);
  // Its files are those of the reference, byte for byte.
  if (overlayDriver(drivers) === 'qbm') capabilities.add('bytes');
  const formats = new Set(['raw']);
  if (overlayDriver(drivers) !== null && commands.has('blockdev-create')) formats.add('overlay');
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
  ['restart', 'quit'],
  ['io', 'block-export-add'],
  ['nbd', 'nbd-server-start'],
];

/** The type of the arguments of a command. The types have numbers for names. */
function argumentsOf(schema: Json, command: string): JsonObject | undefined {
  const types = new Map(
    (Array.isArray(schema) ? schema : [])
      .filter(isJsonObject)
      .map((type) => [`${type['meta-type']} ${type.name}`, type]),
  );
  return types.get(`object ${types.get(`command ${command}`)?.['arg-type']}`);
}

/** Whether drive-backup is that of the series of 2013. */
function givesTargetsNames(schema: Json): boolean {
  const members = argumentsOf(schema, 'drive-backup')?.members;
  return (
    Array.isArray(members) && members.some((member) => isJsonObject(member) && member.name === 'target-id')
  );
}

/** The drivers that blockdev-add knows: the variants of its argument type. */
function driversOf(schema: Json): string[] {
  const variants = argumentsOf(schema, 'blockdev-add')?.variants;
  return Array.isArray(variants)
    ? variants.map((variant) => (isJsonObject(variant) ? String(variant.case) : ''))
    : [];
}
