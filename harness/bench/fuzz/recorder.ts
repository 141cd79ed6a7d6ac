/** A storage daemon as the target has it, but for a record of the lines that its monitor gets. */
import { Writable } from 'node:stream';
import { toolsBeside } from '../../target/img/tools.js';
import type { TargetChoice } from '../../target/parse.js';
import { startChild } from '../../target/process.js';
import { QmpTarget } from '../../target/qmp/qmp-target.js';
import { QSD_PROGRAM } from '../../target/qmp/qsd.js';
import type { QmpProgram } from '../../target/qmp/resident.js';
import { COMMAND_LINES } from '../bare.js';

export class Recorder {
  #lines: string[] = [];

  readonly choice: TargetChoice = {
    name: 'qsd',
    kind: 'qsd',
    create: (use) => new QmpTarget('qsd', 'qsd', this.#program, { tools: toolsBeside(QSD_PROGRAM), use }),
  };

  /** The lines since the last time. */
  take(): string[] {
    const lines = this.#lines;
    this.#lines = [];
    return lines;
  }

  readonly #program: QmpProgram = {
    label: QSD_PROGRAM,
    start: async () => {
      const [file, ...args] = COMMAND_LINES.qsd;
      const child = await startChild({ file, args, channel: 'socket' });
      const input = new Writable({
        write: (chunk: Buffer, _, done) => {
          this.#lines.push(...chunk.toString().split(/(?<=\n)/));
          child.input.write(chunk, done);
        },
        destroy: (error, done) => {
          child.input.destroy();
          done(error);
        },
      });
      return { child, channel: { input, output: child.output } };
    },
  };
}
