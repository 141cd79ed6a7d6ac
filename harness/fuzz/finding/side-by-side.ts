/** Two transcripts in two columns, what differs marked between them. */
import { diffArrays } from 'diff';

/** Characters of a column. */
const COLUMN = 76;

/** `names` stand above the columns. Lines in between: ` ` the same, `|` other, `<` only left, `>` only right. */
export function sideBySide(
  left: readonly string[],
  right: readonly string[],
  names: readonly [string, string],
): string {
  const rows: [string, string, string][] = [
    [names[0], ' ', names[1]],
    ['', ' ', ''],
  ];
  let waiting: readonly string[] = [];
  const flush = (added: readonly string[]): void => {
    for (let i = 0; i < Math.max(waiting.length, added.length); i++) {
      const [a, b] = [waiting[i], added[i]];
      rows.push([a ?? '', a === undefined ? '>' : b === undefined ? '<' : '|', b ?? '']);
    }
    waiting = [];
  };
  for (const { added, removed, value } of diffArrays([...left], [...right])) {
    if (removed) {
      flush([]);
      waiting = value;
    } else if (added) flush(value);
    else {
      flush([]);
      for (const line of value) rows.push([line, ' ', line]);
    }
  }
  flush([]);
  return rows.map(rowText).join('');
}

/** A row; what is longer than a column goes on below. */
function rowText([left, mark, right]: readonly [string, string, string]): string {
  const [a, b] = [pieces(left), pieces(right)];
  let text = '';
  for (let i = 0; i < Math.max(a.length, b.length, 1); i++) {
    text += `${(a[i] ?? '').padEnd(COLUMN)} ${i === 0 ? mark : ' '} ${b[i] ?? ''}`.trimEnd();
    text += '\n';
  }
  return text;
}

function pieces(line: string): string[] {
  const found: string[] = [];
  let rest = line;
  while (rest.length > COLUMN) {
    const blank = rest.lastIndexOf(' ', COLUMN);
    const end = blank > COLUMN / 2 ? blank : COLUMN;
    found.push(rest.slice(0, end));
    rest = `     ${rest.slice(end).trimStart()}`;
  }
  return [...found, rest];
}
