/** The examples and tables of FORMAT.md, against the code. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { QBM_FINDINGS } from './check/finding.js';
import { QBM_ERRORS, QbmError } from './errors.js';
import { readDescriptor } from './read-descriptor.js';
import { writeDescriptor } from './write-descriptor.js';

/** The prose stands with the sources, wherever they were compiled to. */
function prose(): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    for (const root of [directory, process.cwd()]) {
      const path = join(root, 'spec', 'qbm', 'FORMAT.md');
      if (existsSync(path)) return readFileSync(path, 'utf8');
    }
    if (dirname(directory) === directory) throw new Error('spec/qbm/FORMAT.md was not found');
    directory = dirname(directory);
  }
}

const FORMAT = prose();

interface Example {
  readonly rule: string;
  readonly prose: string;
  readonly fence: string;
  readonly text: string;
}

const examples: Example[] = FORMAT.split(/^### /m)
  .slice(1)
  .flatMap((section) => {
    const rule = section.slice(0, 7);
    return [...section.matchAll(/^```(.+)\n([\s\S]*?)\n```$/gm)].map(([, fence, text]) => ({
      rule,
      prose: section.slice(0, section.indexOf('```')),
      fence: fence!,
      text: text!,
    }));
  });

const read = (text: string): ReturnType<typeof readDescriptor> =>
  readDescriptor(new TextEncoder().encode(text), { trust: 'stranger', file: 'disk.qbm' });

/** Rules whose example is a descriptor, all executed by the first test. */
const EXECUTED =
  'QBM-001 QBM-002 QBM-003 QBM-004 QBM-005 QBM-006 QBM-007 QBM-008 QBM-009 QBM-044 QBM-010 QBM-011 QBM-012 QBM-013 ' +
  'QBM-014 QBM-015 QBM-016 QBM-017 QBM-018 QBM-019 QBM-020 QBM-022 QBM-027 QBM-028 QBM-029 QBM-030 QBM-040 QBM-041';

t.test('each rule has one example, and each does what its fence says', (t) => {
  const rules = [...FORMAT.matchAll(/^### (QBM-\d{3})/gm)].map(([, id]) => id!);
  t.same(
    examples.map(({ rule }) => rule),
    rules,
  );
  t.same(
    [...rules].sort(),
    rules.map((_, i) => `QBM-${String(i + 1).padStart(3, '0')}`),
    'ids are without gaps',
  );
  t.equal(
    examples
      .filter(({ fence }) => fence.startsWith('json '))
      .map(({ rule }) => rule)
      .join(' '),
    EXECUTED,
  );
  for (const { rule, prose, fence, text } of examples) {
    let error: QbmError | null = null;
    if (fence.startsWith('json ')) {
      try {
        read(text);
      } catch (thrown) {
        if (!(thrown instanceof QbmError)) throw thrown;
        error = thrown;
      }
    }
    if (fence === 'json valid') t.equal(error?.message ?? 'taken', 'taken', rule);
    else if (fence.startsWith('json invalid ')) {
      t.equal(error?.id, fence.slice('json invalid '.length), `${rule}: ${error?.message}`);
      const place = /\bis at (\d+:\d+)/.exec(prose)?.[1];
      if (place !== undefined) t.equal(`${error?.place?.line}:${error?.place?.column}`, place, rule);
    } else t.ok(fence === 'text' || fence === 'json may', `${rule}: fence ${fence}`);
  }
  t.end();
});

t.test('QBM-013: the canonical example is what the writer writes', (t) => {
  const { text } = examples.find(({ rule }) => rule === 'QBM-013')!;
  t.equal(writeDescriptor(read(text), 'disk.qbm'), `${text}\n`);
  t.end();
});

t.test('QBM-012: unknown soft extensions are kept as they are written', (t) => {
  const { text } = examples.find(({ rule }) => rule === 'QBM-012')!;
  const written = writeDescriptor(read(text), 'disk.qbm');
  t.match(written, '"ext-soft-acme-big": 9007199254740993');
  t.match(written, '"ext-soft-acme-real": 1.50');
  t.end();
});

t.test('the tables of errors and findings are those of the code', (t) => {
  const rows = (pattern: RegExp): string[] => [...FORMAT.matchAll(pattern)].map(([row]) => row);
  t.same(
    rows(/^\| QBM-E-\S+ \| .* \|$/gm).filter((row) => row.split(' | ').length === 2),
    Object.entries(QBM_ERRORS).map(([id, text]) => `| ${id} | ${text} |`),
  );
  t.same(
    [...FORMAT.matchAll(/^\| (QBM-C-\S+) \| (?:damage|leftover) \| (.*) \|$/gm)].map(([, id, text]) => [
      id,
      text,
    ]),
    Object.entries(QBM_FINDINGS),
  );
  const named = new Set(FORMAT.match(/QBM-[EC]-[A-Z-]*[A-Z]/g));
  const known = new Set([...Object.keys(QBM_ERRORS), ...Object.keys(QBM_FINDINGS)]);
  t.same(
    [...named].filter((id) => !known.has(id)),
    [],
  );
  t.end();
});
