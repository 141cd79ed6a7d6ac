/** Reads the dialogues in QMP.md, so that each example is also a test. Only tests import this. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** What is sent, a line break at its end, and the lines that must come back. */
export interface Exchange {
  readonly rule: string;
  readonly sent: string;
  readonly expected: readonly string[];
}

/** The text of QMP.md, which stays with the sources when they are compiled into another directory. */
export function readRules(): string {
  let directory = new URL('./', import.meta.url);
  for (;;) {
    for (const path of ['QMP.md', 'spec/qmp/QMP.md']) {
      const candidate = fileURLToPath(new URL(path, directory));
      if (existsSync(candidate)) return readFileSync(candidate, 'utf8');
    }
    const parent = new URL('../', directory);
    if (parent.href === directory.href) throw new Error('QMP.md is in no directory above the tests');
    directory = parent;
  }
}

/** The exchanges of all blocks marked `qmp`, in order. */
export function readDialogues(prose: string): Exchange[] {
  const exchanges: { rule: string; sent: string; expected: string[] }[] = [];
  let rule = '';
  let inside = false;
  for (const line of prose.split('\n')) {
    const heading = /^### (QMP-[0-9]{3}) · .+$/.exec(line);
    if (heading) rule = heading[1]!;
    else if (line.startsWith('```')) inside = line === '```qmp';
    else if (inside && line.startsWith('-> ')) {
      exchanges.push({ rule, sent: `${line.slice(3).replace(/^raw /, '')}\n`, expected: [] });
    } else if (inside && line.startsWith('<- ')) exchanges.at(-1)!.expected.push(line.slice(3));
    else if (inside) throw new Error(`${rule}: neither sent nor received: ${line}`);
  }
  return exchanges;
}
