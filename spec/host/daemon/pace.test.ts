import t from 'tap';
import type { BlockJob } from '../../job/block-job.js';
import { Pace } from './pace.js';

/** As much of a job as its pace depends on. */
function fake(speed: number) {
  const job = { speed, isReady: false, progress: { current: 0, total: 1_000_000 } };
  return { job, asJob: job as unknown as BlockJob };
}

t.test('JOB-018: a limited job stands still as long as its last unit takes', async (t) => {
  const pace = new Pace();
  const { job, asJob } = fake(1000);
  t.ok(pace.allows(asJob, 0), 'the first unit');
  job.progress.current = 500;
  pace.begin();
  t.notOk(pace.allows(asJob, 499));
  t.equal(pace.wait, 1);
  t.ok(pace.allows(asJob, 500));
  job.progress.current = 1500;
  pace.begin();
  t.notOk(pace.allows(asJob, 600));
  t.equal(pace.wait, 900);
  job.speed = 10_000;
  t.ok(pace.allows(asJob, 600), 'another speed counts at once');
});

t.test('who has no limit, or is ready, does not wait', async (t) => {
  const pace = new Pace();
  const { job, asJob } = fake(0);
  for (let current = 0; current < 5; current++) {
    job.progress.current = current * 1000;
    t.ok(pace.allows(asJob, 0));
  }
  job.speed = 1;
  job.progress.current = 100_000;
  t.notOk(pace.allows(asJob, 0));
  job.isReady = true;
  t.ok(pace.allows(asJob, 0));
});

t.test('the shortest of several waits counts, and no wait is too long for a timer', async (t) => {
  const pace = new Pace();
  const [slow, fast] = [fake(1), fake(1000)];
  pace.begin();
  t.equal(pace.wait, null);
  for (const { job, asJob } of [slow, fast]) {
    pace.allows(asJob, 0);
    job.progress.current = 2 ** 40;
  }
  pace.allows(slow.asJob, 0);
  t.equal(pace.wait, 60_000);
  fast.job.progress.current = 30;
  pace.allows(fast.asJob, 0);
  t.equal(pace.wait, 30);
});
