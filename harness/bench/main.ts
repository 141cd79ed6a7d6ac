/** What `npm run bench` runs. */
import { errorId, targets } from '../cli/known.js';
import { inProcess } from '../cli/process.js';
import { bench } from './program.js';

await inProcess(targets, errorId, (environment) => bench(process.argv.slice(2), environment));
