/**
 * A program that speaks QMP as a target: a resident process, recycled between cases and replaced when it died, hung
 * or could not be cleaned.
 */

import { capabilitiesOf, ProgramTools, type ToolCommands } from '../img/tools.js';
import type { CaseContext, Identity, Session, Target, Use } from '../target.js';
import { type QmpProgram, Resident } from './resident.js';
import { type Leftover, QmpSession } from './session.js';

/** How long the tools may take to say what they can do, milliseconds. */
const TOOLS_LIMIT_MS = 30_000;

export interface QmpTargetOptions {
  /** image tools of the same version, which work on the files of a case beside the program */
  readonly tools?: ToolCommands | null;
  readonly use?: Use | undefined;
}

export class QmpTarget implements Target {
  readonly name: string;
  readonly kind: 'qemu-system' | 'qsd' | 'qmp';
  readonly #program: QmpProgram;
  readonly #tools: ToolCommands | null;
  readonly #use: Use;
  #resident: Resident | null = null;
  #identity: Identity | null = null;
  #isBusy = false;

  constructor(
    name: string,
    kind: QmpTarget['kind'],
    program: QmpProgram,
    { tools, use }: QmpTargetOptions = {},
  ) {
    this.name = name;
    this.kind = kind;
    this.#program = program;
    this.#tools = tools ?? null;
    this.#use = use ?? {};
  }

  async identify(): Promise<Identity> {
    if (this.#identity === null) {
      const { identity } = await this.#start();
      const tools = this.#tools === null ? [] : await capabilitiesOf(this.#tools, TOOLS_LIMIT_MS);
      this.#identity = { ...identity, capabilities: new Set([...identity.capabilities, ...tools]) };
    }
    return this.#identity;
  }

  async begin(context: CaseContext): Promise<Session> {
    if (this.#isBusy) throw new Error(`${this.name}: the case before ${context.id} has not ended`);
    const resident = await this.#start();
    await resident.makeDirectory();
    this.#isBusy = true;
    const formatName = context.format === 'overlay' ? resident.overlayDriver : context.format;
    const tools =
      this.#tools === null
        ? undefined
        : new ProgramTools(this.#tools, resident.directory, formatName, context.limitMs);
    return new QmpSession(resident, context, tools, (left) => this.#recycle(resident, left));
  }

  async close(): Promise<void> {
    const resident = this.#resident;
    this.#resident = null;
    this.#isBusy = false;
    await resident?.stop(!resident.isAlive);
  }

  async #start(): Promise<Resident> {
    // It may have died since the last case, by nobody's fault.
    if (this.#resident !== null && !this.#resident.isAlive) await this.close();
    this.#resident ??= await Resident.start(this.#program, this.#use);
    return this.#resident;
  }

  async #recycle(resident: Resident, left: Leftover): Promise<void> {
    // A session may end after the target was closed, and even after the next one has begun.
    if (this.#resident === resident) {
      this.#isBusy = false;
      if (left === 'clean' && resident.isAlive) return;
      this.#resident = null;
    }
    await resident.stop(true);
  }
}
