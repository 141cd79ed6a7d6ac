#!/usr/bin/env node
/** The command `qbm`. */
import { errorId, targets } from './known.js';
import { inProcess } from './process.js';
import { qbm } from './program.js';

await inProcess(targets, errorId, (environment) => qbm(process.argv.slice(2), environment));
