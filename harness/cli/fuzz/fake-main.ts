/** The command line with a fake world instead of the real one, for tests that need a process of its own. */
import { errorId, targets } from '../../fuzz/campaign/fake-world.js';
import { inProcess } from '../process.js';
import { qbm } from '../program.js';

const WORLD = new URL('../../fuzz/campaign/fake-world.js', import.meta.url).href;

await inProcess(targets, errorId, (environment) => qbm(process.argv.slice(2), environment), WORLD);
