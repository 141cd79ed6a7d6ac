#!/usr/bin/env node
/**
 * Plants each mistake in the reference, and prints how many steps of histories it takes until one shows it:
 *
 *     node dist/harness/fuzz/planted/main.js [ATTEMPTS]
 *
 * Exit code 1 if one is not found.
 */
import { alignedText } from '../../rules/print.js';
import { find } from './find.js';
import { MISTAKES } from './mistakes.js';

/** Histories before a mistake is given up. */
const MOST = 600;

const attempts = Number(process.argv[2] ?? 5);
const rows = [['part', 'mistake', 'like', 'found', 'steps (median)', 'by']];
let missed = 0;
for (const mistake of MISTAKES) {
  const found = [];
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const one = await find(mistake, attempt, MOST);
    if (one !== null) found.push(one);
  }
  if (found.length < attempts) missed += 1;
  const steps = found.map((one) => one.steps).sort((a, b) => a - b);
  const median = steps[Math.floor(steps.length / 2)] ?? '-';
  const by = [...new Set(found.map((one) => `${one.property} (${one.by})`))].join(', ');
  const row = [mistake.part, mistake.name, mistake.like, `${found.length}/${attempts}`, String(median), by];
  rows.push(row);
  process.stderr.write(`${row.join(' | ')}\n`);
}
process.stdout.write(alignedText(rows));
process.exitCode = missed > 0 ? 1 : 0;
