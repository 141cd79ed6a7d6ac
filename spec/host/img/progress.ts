/** How far a command is: qemu-img's text, and a bar where people look at it. */
import type { Context } from './context.js';

const WIDTH = 40;

export class Progress {
  readonly #context: Context;
  readonly #isShown: boolean;
  #shown = -1;

  constructor(context: Context, isAsked: boolean) {
    this.#context = context;
    this.#isShown = isAsked && !context.isQuiet;
    this.at(0, 1);
  }

  /** Printed when it is a whole percent further than before. */
  at(done: number, total: number): void {
    const percent = total === 0 ? 100 : Math.min(100, (done / total) * 100);
    if (!this.#isShown || (this.#shown >= 0 && percent < this.#shown + 1 && percent < 100)) return;
    this.#shown = percent;
    const { world } = this.#context;
    const bar = '='.repeat(Math.floor((percent / 100) * WIDTH)).padEnd(WIDTH);
    world.stdout(`    ${world.isTerminal ? `[${bar}] ` : ''}(${percent.toFixed(2)}/100%)\r`);
  }

  end(): void {
    if (this.#isShown) this.#context.world.stdout('\n');
  }
}
