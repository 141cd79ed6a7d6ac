/** All tests of fuzzing. */
import { importTests } from './import-tests.js';

await importTests('harness/fuzz');
await importTests('harness/cli/fuzz');
