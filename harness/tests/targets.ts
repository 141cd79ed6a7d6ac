/** All tests of what talks to other programs. */
import { importTests } from './import-tests.js';

await importTests('harness/target');
await importTests('harness/nbd');
