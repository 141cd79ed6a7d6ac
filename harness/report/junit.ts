/** JUnit XML as CI systems read it: a test suite for each target and format, written when the run has ended. */
import type { Case } from '../case/case.js';
import { type ResultLine, UNEXPECTED } from '../case/run/results.js';
import { failureLines } from './pretty.js';
import type { Background, Reporter, RunSummary, Sink } from './reporter.js';

interface Entry {
  readonly result: ResultLine;
  readonly found: Case;
}

export class JunitReporter implements Reporter {
  readonly #sink: Sink;
  readonly #background: Background;
  readonly #suites = new Map<string, Entry[]>();

  constructor(sink: Sink, background: Background) {
    this.#sink = sink;
    this.#background = background;
  }

  target(): void {}

  result(result: ResultLine, found: Case): void {
    const name = `${result.target} ${result.format}`;
    const suite = this.#suites.get(name);
    if (suite === undefined) this.#suites.set(name, [{ result, found }]);
    else suite.push({ result, found });
  }

  end(summary: RunSummary): void {
    const results = summary.results;
    const lines = ['<?xml version="1.0" encoding="UTF-8"?>'];
    const complaints = [...summary.complaints, ...(summary.interrupted ? ['interrupted'] : [])];
    lines.push(`<testsuites name="qbm" ${totals(results, complaints.length)} time="${seconds(summary.ms)}">`);
    for (const [name, entries] of this.#suites) {
      const own = entries.map((entry) => entry.result);
      const ms = own.reduce((sum, result) => sum + result.ms, 0);
      lines.push(`  <testsuite name="${xml(name)}" ${totals(own, 0)} time="${seconds(ms)}">`);
      for (const entry of entries) lines.push(...this.#testcase(entry));
      lines.push('  </testsuite>');
    }
    if (complaints.length > 0) {
      const count = complaints.length;
      lines.push(
        `  <testsuite name="qbm" tests="${count}" failures="0" errors="${count}" skipped="0" time="0.000">`,
      );
      for (const [index, complaint] of complaints.entries()) {
        lines.push(`    <testcase classname="qbm" name="run ${index + 1}" time="0.000">`);
        lines.push(`      <error message="${xml(complaint)}"/>`, '    </testcase>');
      }
      lines.push('  </testsuite>');
    }
    this.#sink.write(`${lines.join('\n')}\n</testsuites>\n`);
  }

  #testcase({ result, found }: Entry): string[] {
    const { verdict, reason } = result;
    const attributes = `classname="${xml(found.area)}" name="${xml(found.id)}" time="${seconds(result.ms)}"`;
    if (verdict === 'pass' || verdict === 'allowed') return [`    <testcase ${attributes}/>`];
    const message = xml(`${verdict}: ${reason ?? ''}`);
    let inner = `<skipped message="${message}"/>`;
    if (verdict !== 'skip' && verdict !== 'deviates') {
      const tag = UNEXPECTED.has(verdict) ? 'failure' : 'error';
      const text = xml(failureLines(result, found, this.#background).join('\n'));
      inner = `<${tag} type="${verdict}" message="${message}">${text}</${tag}>`;
    }
    return [`    <testcase ${attributes}>`, `      ${inner}`, '    </testcase>'];
  }
}

function totals(results: readonly ResultLine[], moreErrors: number): string {
  const count = (test: (result: ResultLine) => boolean): number => results.filter(test).length;
  const failures = count((result) => UNEXPECTED.has(result.verdict));
  const errors = count((result) => result.verdict === 'error') + moreErrors;
  const skipped = count((result) => result.verdict === 'skip' || result.verdict === 'deviates');
  return `tests="${results.length + moreErrors}" failures="${failures}" errors="${errors}" skipped="${skipped}"`;
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(3);
}

/** XML text; characters that XML 1.0 cannot hold at all become U+FFFD. */
export function xml(text: string): string {
  return text
    .replace(/\p{Surrogate}/gu, '\ufffd')
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd')
    .replace(/[&<>"\n\r\t]/g, (character) => {
      const names: Readonly<Record<string, string>> = {
        '&': '&amp;',
        '<': '&lt;',
        '>': '&gt;',
        '"': '&quot;',
      };
      return names[character] ?? `&#${character.charCodeAt(0)};`;
    });
}
