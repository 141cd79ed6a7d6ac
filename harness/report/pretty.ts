/** The reporter for people: a line a case, and of each failure all that is needed to understand it and try again. */
import { join } from 'node:path';
import { styleText } from 'node:util';
import type { Case } from '../case/case.js';
import { printable } from '../case/play/printable.js';
import { type ResultLine, transcriptFile, type Verdict } from '../case/run/results.js';
import type { Identity } from '../target/target.js';
import {
  type Background,
  type Reporter,
  type RunSummary,
  reproduce,
  type Sink,
  summaryLines,
} from './reporter.js';

type Style = Parameters<typeof styleText>[0];

const STYLES: Readonly<Record<Verdict, Style>> = {
  pass: 'green',
  allowed: 'green',
  deviates: 'yellow',
  skip: 'gray',
  fail: 'red',
  crash: 'red',
  hang: 'red',
  'unmapped-error': 'red',
  stale: 'red',
  error: 'magenta',
};

/** More lines of a difference than this are left to the kept transcript. */
const MAX_DIFF_LINES = 60;

export class PrettyReporter implements Reporter {
  readonly #sink: Sink;
  readonly #background: Background;
  readonly #colour: boolean;
  readonly #verbose: boolean;

  constructor(sink: Sink, background: Background, options: { colour: boolean; verbose: boolean }) {
    this.#sink = sink;
    this.#background = background;
    this.#colour = options.colour;
    this.#verbose = options.verbose;
  }

  target(name: string, identity: Identity): void {
    this.#line(`${this.#style('bold', name)}  ${this.#style('gray', identity.program)}`);
  }

  result(result: ResultLine, found: Case): void {
    const quiet = result.verdict === 'pass' || result.verdict === 'allowed';
    const place = result.format === 'raw' ? '' : ` [${result.format}]`;
    const name = `${found.area}/${found.id}${place}`;
    const verdict = this.#style(STYLES[result.verdict], result.verdict.padEnd(8));
    if (quiet) {
      this.#line(`  ${verdict} ${name}${this.#style('gray', `  ${result.ms.toFixed(1)} ms`)}`);
    } else if (result.verdict === 'skip' || (result.verdict === 'deviates' && !this.#verbose)) {
      this.#line(`  ${verdict} ${name}: ${firstLine(result.reason ?? '')}`);
    } else {
      this.#line(`  ${verdict} ${name}`);
      for (const line of failureLines(result, found, this.#background)) {
        this.#line(line === '' ? '' : `      ${this.#colourDiff(line)}`);
      }
    }
  }

  end(summary: RunSummary): void {
    if (summary.results.length > 0) this.#line('');
    for (const line of summaryLines(summary.results)) this.#line(line);
    for (const complaint of summary.complaints) this.#line(this.#style('red', complaint));
    const kept = summary.results.filter((result) => result.kept === true).length;
    if (kept > 0 && summary.out !== null) this.#line(`differing transcripts: ${kept}, in ${summary.out}/`);
    if (summary.interrupted)
      this.#line(this.#style('red', 'interrupted: the cases that are not shown were not run'));
  }

  #line(text: string): void {
    this.#sink.write(`${text}\n`);
  }

  #style(style: Style, text: string): string {
    return this.#colour ? styleText(style, text, { validateStream: false }) : text;
  }

  #colourDiff(line: string): string {
    if (line.startsWith('| -')) return this.#style('red', line);
    if (line.startsWith('| +')) return this.#style('green', line);
    return line;
  }
}

/** All that is known about a result that is not as expected. Lines of a difference begin with `| `. */
export function failureLines(result: ResultLine, found: Case, background: Background): string[] {
  const line = result.line === undefined || result.line === 0 ? '' : `:${result.line}`;
  const lines = [found.title, `at ${found.file}${line}`];
  if (result.reason !== undefined) lines.push(...`why: ${result.reason}`.split('\n'));
  if (result.link !== undefined) lines.push(`see ${result.link}`);
  if (result.fault !== undefined) lines.push(...`the target: ${result.fault}`.split('\n'));
  if (result.stderr !== undefined) lines.push('the target printed:', ...indented(result.stderr));
  if (result.diff !== undefined) {
    const diff = result.diff.split('\n');
    lines.push('| --- golden', `| +++ ${result.target}`);
    lines.push(...diff.slice(0, MAX_DIFF_LINES).map(spaced));
    if (diff.length > MAX_DIFF_LINES) lines.push(`| … ${diff.length - MAX_DIFF_LINES} more lines`);
  }
  if (result.kept === true && background.out !== null) {
    lines.push(`transcript: ${join(background.out, transcriptFile(result.target, result.format, found))}`);
  }
  for (const rule of found.rules) {
    const words = background.ruleTitle(rule);
    lines.push(`rule ${rule}${words === undefined ? '' : `: ${words}`}`);
  }
  lines.push(`try: ${reproduce(result, background)}`, '');
  return lines;
}

/** A line of a difference with its mark set apart: `- -> …` is easier to read than `--> …`. */
function spaced(line: string): string {
  return line === '@@' ? '| @@' : `| ${line.slice(0, 1)} ${line.slice(1)}`.trimEnd();
}

function indented(text: string): string[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => `  ${printable(line)}`);
}

function firstLine(text: string): string {
  return text.split('\n')[0]!;
}
