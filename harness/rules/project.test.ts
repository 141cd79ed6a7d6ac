import { join } from 'node:path';
import t from 'tap';
import { loadSuite } from '../case/load/load.js';
import { packageRoot } from '../cli/environment.js';
import { ruleTable } from './table.js';

t.test(
  'every rule of this project has code, and a case, a test or an executed example; every id is a rule',
  (t) => {
    const root = packageRoot();
    const table = ruleTable(join(root, 'spec'), loadSuite(join(root, 'cases')).cases, []);
    t.ok(table.rows.length > 50);
    t.same(
      table.problems.map((problem) => `${problem.file}:${problem.line}: ${problem.message}`),
      [],
    );
    t.end();
  },
);
