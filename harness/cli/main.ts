#!/usr/bin/env node
/** The command `qbm`. */
import { daemon } from './daemon.js';

const [name = '', ...rest] = process.argv.slice(2);
if (name === 'daemon') process.exit(await daemon(rest));
// Tools take every option to be their own, so they come before all others.
const { runTool, TOOLS } = await import('./tools.js');
const tool = Object.hasOwn(TOOLS, name) ? TOOLS[name] : undefined;
if (tool !== undefined) process.exit(runTool(tool, rest));
// What is tried is started often, the harness once: only the harness waits until all of it is loaded.
const [{ errorId, targets }, { inProcess }, { qbm }] = await Promise.all([
  import('./known.js'),
  import('./process.js'),
  import('./program.js'),
]);
await inProcess(targets, errorId, (environment) => qbm(process.argv.slice(2), environment));
