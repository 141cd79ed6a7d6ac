import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { packageRoot } from '../cli/environment.js';
import { WORLD } from './world.js';

t.test('the README lists the properties', (t) => {
  const lines = readFileSync(join(packageRoot(), 'harness', 'fuzz', 'README.md'), 'utf8').split('\n');
  const start = lines.indexOf('| property | histories are about |');
  const rows = lines.slice(start + 2);
  t.not(start, -1);
  t.same(
    rows.slice(0, rows.indexOf('')),
    WORLD.properties.map(({ name, summary }) => `| \`${name}\` | ${summary} |`),
  );
  t.end();
});
