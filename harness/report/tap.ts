/** TAP 14 (https://testanything.org/tap-version-14-specification.html). An expected deviation is a TODO. */
import type { Case } from '../case/case.js';
import type { ResultLine } from '../case/run/results.js';
import type { Identity } from '../target/target.js';
import { failureLines } from './pretty.js';
import { type Background, type Reporter, type RunSummary, type Sink, summaryLines } from './reporter.js';

export class TapReporter implements Reporter {
  readonly #sink: Sink;
  readonly #background: Background;
  #count = 0;
  #begun = false;

  constructor(sink: Sink, background: Background) {
    this.#sink = sink;
    this.#background = background;
  }

  target(name: string, identity: Identity): void {
    this.#begin();
    this.#sink.write(`# ${oneLine(`${name}: ${identity.program}`)}\n`);
  }

  result(result: ResultLine, found: Case): void {
    this.#begin();
    const { verdict } = result;
    const name = escaped(`${result.target} ${result.format} ${found.area}/${found.id}`);
    const why = escaped(result.reason ?? '');
    const number = ++this.#count;
    if (verdict === 'pass' || verdict === 'allowed') this.#sink.write(`ok ${number} - ${name}\n`);
    else if (verdict === 'skip') this.#sink.write(`ok ${number} - ${name} # SKIP ${why}\n`);
    else if (verdict === 'deviates') this.#sink.write(`not ok ${number} - ${name} # TODO deviates: ${why}\n`);
    else this.#failure(number, name, result, found);
  }

  #failure(number: number, name: string, result: ResultLine, found: Case): void {
    const text = failureLines(result, found, this.#background).map((line) => `    ${line}`.trimEnd());
    this.#sink.write(
      [
        `not ok ${number} - ${name}`,
        '  ---',
        `  verdict: ${result.verdict}`,
        `  duration_ms: ${result.ms}`,
        '  message: |2',
        // The text ends with an empty line, and YAML would count it to the text.
        ...text.slice(0, -1),
        '  ...',
        '',
      ].join('\n'),
    );
  }

  end(summary: RunSummary): void {
    this.#begin();
    for (const complaint of summary.complaints) {
      this.#sink.write(`not ok ${++this.#count} - ${escaped(complaint)}\n`);
    }
    if (summary.interrupted) {
      this.#sink.write('Bail out! interrupted\n');
      return;
    }
    this.#sink.write(`1..${this.#count}\n`);
    for (const line of summaryLines(summary.results)) this.#sink.write(`# ${oneLine(line)}\n`);
  }

  #begin(): void {
    if (!this.#begun) this.#sink.write('TAP version 14\n');
    this.#begun = true;
  }
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

/** A description: `#` begins a directive unless it is escaped. */
function escaped(text: string): string {
  return oneLine(text).replace(/[\\#]/g, '\\$&');
}
