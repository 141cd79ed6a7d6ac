/** All tests of the specification. */
import { importTests } from './import-tests.js';

await importTests('spec');
