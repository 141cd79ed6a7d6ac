/** cases/QEMU.md tells what QEMU does otherwise: every deviation of 7.2 is in it, with the versions that the lists know. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { packageRoot } from '../cli/environment.js';
import { readExpected } from '../golden/expected.js';

const ROOT = packageRoot();
const VERSIONS = ['7.2', '10.0'];

/** The versions in which a case is known to deviate on either QEMU program. */
function known(): Map<string, Set<string>> {
  const versions = new Map<string, Set<string>>();
  for (const program of ['qsd', 'qemu-system']) {
    for (const one of readExpected(join(ROOT, 'harness', 'target', `${program}.expected.yaml`), true)) {
      const seen = versions.get(one.case) ?? new Set();
      for (const version of one.versions.length === 0 ? VERSIONS : one.versions) seen.add(version);
      versions.set(one.case, seen);
    }
  }
  return versions;
}

interface Row {
  readonly line: number;
  readonly versions: string;
  readonly cases: readonly string[];
}

/** The rows of the document's tables: what happens, in which versions, the cases between backquotes. */
function rows(): Row[] {
  const lines = readFileSync(join(ROOT, 'cases', 'QEMU.md'), 'utf8').split('\n');
  return lines.flatMap((text, index) => {
    const [, , versions, cases] = text.split('|').map((cell) => cell.trim());
    if (cases === undefined || versions === 'in' || versions === '---') return [];
    return [
      { line: index + 1, versions: versions!, cases: [...cases.matchAll(/`([^`]+)`/g)].map(([, id]) => id!) },
    ];
  });
}

t.test('what QEMU 7.2 does otherwise is told once', (t) => {
  const told = rows().flatMap(({ cases }) => cases);
  t.same(
    told.filter((id, index) => told.indexOf(id) !== index),
    [],
    'told twice',
  );
  const of7 = [...known()].filter(([, versions]) => versions.has('7.2')).map(([id]) => id);
  t.same(
    of7.filter((id) => !told.includes(id)),
    [],
    'these deviations want a row in cases/QEMU.md',
  );
  t.end();
});

t.test('a row has the versions in which its cases deviate', (t) => {
  const versions = known();
  for (const row of rows().filter(({ cases }) => cases.length > 0)) {
    const all = new Set(row.cases.flatMap((id) => [...(versions.get(id) ?? [`no such deviation: ${id}`])]));
    t.same(row.versions.split(', ').sort(), [...all].sort(), `cases/QEMU.md:${row.line}`);
  }
  t.end();
});
