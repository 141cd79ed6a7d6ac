/**
 * The least that a Node program can do to talk QMP with QEMU: write a line, wait for the line that answers it, write
 * the next. It reads no JSON, has no limits and knows no events.
 */

import type { TargetChoice } from '../target/parse.js';
import { type Child, startChild } from '../target/process.js';
import { negotiation, writeCommand } from '../target/qmp/message.js';
import { QEMU_SYSTEM_PROGRAM } from '../target/qmp/qemu-system.js';
import { QSD_PROGRAM } from '../target/qmp/qsd.js';
import { TargetFault, type Use } from '../target/target.js';

/** As the targets start them (harness/target/qmp), so that only what talks to them differs. */
export const COMMAND_LINES = {
  qsd: [QSD_PROGRAM, '--chardev', 'socket,id=qmp,fd=3', '--monitor', 'chardev=qmp'],
  'qemu-system': [
    QEMU_SYSTEM_PROGRAM,
    ...['-machine', 'none,accel=tcg', '-nodefaults', '-display', 'none', '-S'],
    ...['-chardev', 'socket,id=qmp,fd=3', '-mon', 'chardev=qmp,mode=control'],
  ],
} as const;

const NEWLINE = 0x0a;

export class BareLoop {
  readonly #child: Child;
  /** told of every whole reply */
  #replied: (reply: Buffer) => void = () => {};
  #lost: (fault: TargetFault) => void = () => {};

  private constructor(child: Child) {
    this.#child = child;
    child.output.on('data', (chunk: Buffer) => {
      // One line a reply and one reply at a time: a chunk that ends with a newline ends the reply.
      if (chunk[chunk.length - 1] === NEWLINE) this.#replied(chunk);
    });
    void child.exited.then(() => this.#lost(new TargetFault('crash', child.death()!)));
  }

  /**
   * Starts the program and ends the negotiation.
   *
   * @param use what the target beside it was made for, so that the negotiation is the same
   * @throws TargetFault
   */
  static async start(choice: TargetChoice, { sendsAhead = false }: Use = {}): Promise<BareLoop> {
    const [file, ...args] = COMMAND_LINES[choice.kind as keyof typeof COMMAND_LINES];
    const child = await startChild({ file, args, channel: 'socket' });
    const bare = new BareLoop(child);
    await new Promise<void>((resolve, reject) => {
      bare.#replied = () => resolve();
      bare.#lost = reject;
    });
    await bare.run([writeCommand('qmp_capabilities', negotiation(sendsAhead))], 1);
    return bare;
  }

  /** Sends the lines one by one, all of them `rounds` times; resolves after the last reply. @throws TargetFault */
  run(lines: readonly string[], rounds: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const { input } = this.#child;
      const all = lines.length * rounds;
      let sent = 0;
      this.#lost = reject;
      this.#replied = () => {
        if (sent === all) resolve();
        else input.write(lines[sent++ % lines.length]!);
      };
      input.write(lines[sent++ % lines.length]!);
    });
  }

  async close(): Promise<void> {
    await this.#child.stop();
  }
}
