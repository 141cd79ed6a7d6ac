/** All tests of the rest of the harness. */
import { importTests } from './import-tests.js';

await importTests('harness', ['harness/target', 'harness/nbd', 'harness/fuzz', 'harness/cli/fuzz']);
