/**
 * A program that speaks QMP as a target: a resident process, recycled between cases and replaced when it died, hung
 * or could not be cleaned.
 */

import type { CaseContext, Identity, Session, Target } from '../target.js';
import { type QmpProgram, Resident } from './resident.js';
import { type Leftover, QmpSession } from './session.js';

export class QmpTarget implements Target {
  readonly name: string;
  readonly kind: 'qemu-system' | 'qsd' | 'qmp';
  readonly #program: QmpProgram;
  #resident: Resident | null = null;
  #identity: Identity | null = null;
  #isBusy = false;

  constructor(name: string, kind: QmpTarget['kind'], program: QmpProgram) {
    this.name = name;
    this.kind = kind;
    this.#program = program;
  }

  async identify(): Promise<Identity> {
    this.#identity ??= (await this.#start()).identity;
    return this.#identity;
  }

  async begin(context: CaseContext): Promise<Session> {
    if (this.#isBusy) throw new Error(`${this.name}: the case before ${context.id} has not ended`);
    const resident = await this.#start();
    await resident.makeDirectory();
    this.#isBusy = true;
    return new QmpSession(resident, context, (left) => this.#recycle(resident, left));
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
    this.#resident ??= await Resident.start(this.#program);
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
