/** Sections as text for a terminal of 100 columns. */
import { type Comparison, judged, meets, type Section } from './bench.js';
import type { Spread } from './stats.js';

const WIDTH = 100;

/** A section: its title, the table, and what has to be known to read it. */
export function sectionText(section: Section): string {
  const { title, sides, rows, measured, why } = section;
  const hasBar = rows.some(({ bar }) => bar !== undefined);
  const head = ['', ...sides, 'ratio', 'min–max', 'times', ...(hasBar ? ['bar'] : [])];
  const table = rows.map((row) => [...cells(row), ...(hasBar ? [barText(row)] : [])]);
  const notes = [`Measured: ${measured}`, `Why: ${why}`].map((note) => wrap(note, WIDTH));
  return `${title}\n${columns([head, ...table])}${notes.join('')}\n`;
}

function cells({ what, unit, first, second, ratio, repeated }: Comparison): string[] {
  const show = (value: Spread | null): string => (value === null ? '-' : inUnit(value.median, unit));
  const between = ratio === null ? '-' : `${figure(ratio.min)}–${figure(ratio.max)}`;
  return [
    what,
    show(first),
    show(second),
    ratio === null ? '-' : figure(ratio.median),
    between,
    String(repeated),
  ];
}

function inUnit(value: number, unit: Comparison['unit']): string {
  if (unit === 'count') return figure(value);
  return unit === 'ms' ? duration(value) : size(value);
}

function barText(row: Comparison): string {
  const { bar, unit } = row;
  const found = bar === undefined ? null : judged(row, bar);
  if (bar === undefined || found === null) return '';
  const value = bar.of === 'first' ? inUnit(bar.value, unit) : bar.value;
  return `${bar.at === 'most' ? '≤' : '≥'} ${value}: ${meets(found, bar) ? 'met' : 'MISSED'}`;
}

/** The first column and the last (the bar) are words and stand left, the others are numbers and stand right. */
function columns(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, at) => Math.max(...rows.map((row) => [...row[at]!].length)));
  const isWords = (at: number): boolean => at === 0 || at === 6;
  return rows
    .map((row) => {
      const padded = row.map((cell, at) => {
        const blanks = ' '.repeat(widths[at]! - [...cell].length);
        return isWords(at) ? cell + blanks : blanks + cell;
      });
      return `  ${padded.join('  ')}`.trimEnd();
    })
    .join('\n')
    .concat('\n');
}

/** Three figures that count: 0.0123, 1.23, 12.3, 123, 12.3k, 12.3M. */
export function figure(value: number): string {
  if (value >= 999.5e6) return `${figure(value / 1e9)}G`;
  if (value >= 999.5e3) return `${figure(value / 1e6)}M`;
  if (value >= 9_999.5) return `${figure(value / 1e3)}k`;
  if (value >= 99.95) return value.toFixed(0);
  if (value >= 9.995) return value.toFixed(1);
  if (value >= 0.9995) return value.toFixed(2);
  return value.toFixed(3);
}

/** Milliseconds in the unit that suits. */
export function duration(ms: number): string {
  if (ms >= 1000) return `${figure(ms / 1000)} s`;
  if (ms >= 1) return `${figure(ms)} ms`;
  if (ms >= 1e-3) return `${figure(ms * 1e3)} µs`;
  return `${figure(ms * 1e6)} ns`;
}

/** Bytes in the unit that suits. */
export function size(bytes: number): string {
  if (bytes >= 2 ** 20) return `${figure(bytes / 2 ** 20)} MiB`;
  if (bytes >= 2 ** 10) return `${figure(bytes / 2 ** 10)} KiB`;
  return `${bytes} B`;
}

/** Paragraph of lines of at most `width`, each with its end. */
export function wrap(text: string, width: number): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width - 2) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].map((one) => `  ${one}\n`).join('');
}
