#!/usr/bin/env node
/**
 * Plants each mistake in the reference, and prints how many steps of histories it takes until one shows it:
 *
 *     node dist/harness/fuzz/planted/main.js [ATTEMPTS [PART…]]
 *
 * Parts are as the first column has them; without any it is all of them.
 * Exit code 1 if one is not found.
 */
import { alignedText } from '../../rules/print.js';
import { find } from './find.js';
import { MISTAKES } from './mistakes.js';

/** Histories before a mistake is given up. */
const MOST = 600;

const [, , count = '5', ...parts] = process.argv;
const attempts = Number(count);
const chosen = MISTAKES.filter(({ part }) => parts.length === 0 || parts.includes(part));
const unknown = parts.find((part) => MISTAKES.every((one) => one.part !== part));
if (!/^[1-9]\d{0,3}$/.test(count) || unknown !== undefined) {
  const known = [...new Set(MISTAKES.map(({ part }) => part))].join(', ');
  process.stderr.write(
    `planted: attempts are a number from 1, parts are ${known}: not "${unknown ?? count}"\n`,
  );
  process.exit(64);
}
const rows = [['part', 'mistake', 'like', 'found', 'steps (median)', 'by']];
let missed = 0;
for (const mistake of chosen) {
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
