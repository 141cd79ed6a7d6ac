import { chmodSync, existsSync, readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import t from 'tap';
import { Interrupted } from '../../case/run/guard.js';
import { findCheck, runCheck } from './check.js';
import { runQbm } from './qbm-run.js';

const GOES_ON = new AbortController().signal;

const CASE = `id: tiny
title: A new bitmap is clean
rules: [BMP-001]
models: [iotests 141]
steps:
  - open: {node: disk, size: 64K}
  - qmp: {block-dirty-bitmap-add: {node: disk, name: b}}
  - observe: disk
`;

/** Whether it holds in the end; looks again and again. */
async function until(holds: () => boolean): Promise<boolean> {
  const end = performance.now() + 30_000;
  while (!holds() && performance.now() < end) await setTimeout(20);
  return holds();
}

function runs(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

t.test('check of a tree is run with the tests', async (t) => {
  const script =
    '#!/bin/sh\necho "$@" >> asked\ncase $2 in 000) echo no such test; exit 1;; 999) sleep 600 & echo $! > sleeper.new; mv sleeper.new sleeper; wait;; esac\n';
  const dir = t.testdir({ tests: { 'qemu-iotests': { check: script } } });
  chmodSync(`${dir}/tests/qemu-iotests/check`, 0o755);
  t.equal(findCheck({}), null);
  t.throws(() => findCheck({ QBM_QEMU_TREE: `${dir}/tests` }), /QBM_QEMU_TREE: no .*check/);
  const check = findCheck({ QBM_QEMU_TREE: dir })!;
  t.ok((await runCheck(check, ['041', '141'], GOES_ON)) > 0);
  await t.rejects(runCheck(check, ['000'], GOES_ON), /failed \(1\):\nno such test/);
  const stop = new AbortController();
  const stopped = runCheck(check, ['999'], stop.signal);
  const sleeper = `${dir}/tests/qemu-iotests/sleeper`;
  await until(() => existsSync(sleeper));
  stop.abort();
  await t.rejects(stopped, Interrupted);
  const pid = Number(readFileSync(sleeper, 'utf8'));
  t.ok(await until(() => !runs(pid)), 'what it started has gone, too');
});

t.test('qbm run is timed, whatever differs, and not if it could not run', async (t) => {
  const dir = t.testdir({ cases: { demo: { 'tiny.yaml': CASE } }, golden: {} });
  const places = { cases: `${dir}/cases`, goldens: `${dir}/golden` };
  t.ok((await runQbm(places, ['141'], { target: 'reference', jobs: 1 }, GOES_ON)) > 0);
  await t.rejects(runQbm(places, ['000'], { target: 'reference', jobs: 1 }, GOES_ON), /ended with 64/);
});
