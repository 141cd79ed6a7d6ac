#!/usr/bin/env node
/** The command `qbm`. */
import { daemon } from './daemon.js';
import { errorId, targets } from './known.js';
import { inProcess } from './process.js';
import { qbm } from './program.js';
import { runTool, TOOLS } from './tools.js';

const [name = '', ...rest] = process.argv.slice(2);
const tool = Object.hasOwn(TOOLS, name) ? TOOLS[name] : undefined;
// Tools take every option to be their own, so they come before all others.
if (tool !== undefined) process.exit(runTool(tool, rest));
if (name === 'daemon') process.exit(await daemon(rest));
await inProcess(targets, errorId, (environment) => qbm(process.argv.slice(2), environment));
