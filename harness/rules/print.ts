/** The table of rules as text or Markdown. */
import type { RuleRow, RuleTable } from './table.js';

/** A column: its heading, and the cell of a row. */
type Column = readonly [string, (row: RuleRow) => string];

function columns(table: RuleTable, long: boolean): Column[] {
  const cases = ({ cases }: RuleRow): string => (long ? cases.join(' ') || '-' : String(cases.length));
  const fixed: Column[] = [
    ['rule', ({ rule }) => rule.id],
    ['level', ({ rule }) => rule.level],
    ['title', ({ rule }) => rule.title],
    ['code', ({ code }) => code.join(' ') || '-'],
    ['cases', cases],
    ['tests', ({ tests }) => (long ? tests.join(' ') || '-' : String(tests.length))],
    ['mutants', ({ mutants }) => mutants.join(' ') || '-'],
  ];
  const verdicts = table.targets.map(
    (target): Column => [target, ({ verdicts }) => verdicts.get(target) ?? '-'],
  );
  return [...fixed, ...verdicts];
}

/** Aligned columns, or a Markdown table. `long`: the names of cases instead of their number. */
export function tableText(
  table: RuleTable,
  options: { readonly markdown: boolean; readonly long: boolean },
): string {
  const used = columns(table, options.long);
  const rows = [
    used.map(([heading]) => heading),
    ...table.rows.map((row) => used.map(([, cell]) => cell(row))),
  ];
  if (options.markdown) {
    const line = (cells: readonly string[]): string =>
      `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`;
    return line(rows[0]!) + line(used.map(() => '---')) + rows.slice(1).map(line).join('');
  }
  return alignedText(rows);
}

/** Columns padded to their widest cell; the last is not padded. */
export function alignedText(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, [...cell].length);
  }
  const pad = (cell: string, index: number): string => cell + ' '.repeat(widths[index]! - [...cell].length);
  return rows.map((row) => `${row.map(pad).join('  ').trimEnd()}\n`).join('');
}
