/** One JSON object a line and result; the members are those of {@link ResultLine}. */
import type { ResultLine } from '../case/run/results.js';
import type { Reporter, Sink } from './reporter.js';

export class JsonlReporter implements Reporter {
  readonly #sink: Sink;
  constructor(sink: Sink) {
    this.#sink = sink;
  }
  target(): void {}
  result(result: ResultLine): void {
    this.#sink.write(`${JSON.stringify(result)}\n`);
  }
  end(): void {}
}
