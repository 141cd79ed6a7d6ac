/** What holds of jobs whatever is asked of them, in any order. */
import fc from 'fast-check';
import t from 'tap';
import { Graph } from '../block/graph.js';
import type { JsonObject } from '../json/value.js';
import { Refusal } from '../refusal.js';
import type { BlockJob } from './block-job.js';
import { Jobs } from './jobs.js';
import { ScriptedDriver, type Unit } from './scripted-job-for-tests.js';
import { type JobStatus, TRANSITIONS } from './status.js';
import { JobTxn } from './txn.js';

interface Plan {
  readonly script: readonly Unit[];
  readonly failsToPrepare: boolean;
  readonly autoFinalize: boolean;
  readonly autoDismiss: boolean;
  readonly grouped: boolean;
}

const plan: fc.Arbitrary<Plan> = fc.record({
  script: fc
    .tuple(
      fc.array(fc.constantFrom<Unit>('work', 'work', 'work', 'wait', 'fail'), { maxLength: 4 }),
      fc.constantFrom<readonly Unit[]>([], [], ['ready'], ['ready', 'wait']),
    )
    .map(([work, end]) => [...work, ...end]),
  failsToPrepare: fc.nat(9).map((one) => one === 0),
  autoFinalize: fc.boolean(),
  autoDismiss: fc.boolean(),
  grouped: fc.boolean(),
});

type Act = (job: BlockJob) => void;
const ACTS: { readonly [name: string]: Act } = {
  start: (job) => {
    if (job.status === 'created') job.start();
  },
  pause: (job) => job.userPause(),
  resume: (job) => job.userResume(),
  drain: (job) => {
    job.pause();
    job.resume();
  },
  cancel: (job) => job.blockCancel(false),
  force: (job) => job.userCancel(true),
  complete: (job) => job.complete(),
  finalize: (job) => job.finalize(),
  dismiss: (job) => job.dismiss(),
};
/** One act on the job of that number, or a step of whoever's turn it is. */
const act = fc.oneof(
  { weight: 3, arbitrary: fc.constant('step' as const) },
  { weight: 2, arbitrary: fc.tuple(fc.constantFrom(...Object.keys(ACTS)), fc.nat(2)) },
);

/** Jobs, and all that was ever heard and done of them. */
class History {
  readonly events: { readonly name: string; readonly data: JsonObject }[] = [];
  readonly jobs = new Jobs(new Graph(), ({ event, data }) => {
    this.events.push({ name: event as string, data: data as JsonObject });
  });
  readonly plans: readonly Plan[];
  readonly drivers: readonly ScriptedDriver[];
  readonly all: readonly BlockJob[];

  constructor(plans: readonly Plan[]) {
    this.plans = plans;
    const group = new JobTxn();
    this.drivers = plans.map((one) => new ScriptedDriver('mirror', one.script, one.failsToPrepare));
    this.all = plans.map(({ autoFinalize, autoDismiss, grouped }, at) =>
      this.jobs.createBlockJob(this.drivers[at]!, {
        id: `j${at}`,
        autoFinalize,
        autoDismiss,
        ...(grouped ? { txn: group } : {}),
      }),
    );
  }

  do(name: string, at: number): void {
    const job = this.all[at % this.all.length]!;
    const before = JSON.stringify([job.status, this.events.length]);
    try {
      ACTS[name]!(job);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (JSON.stringify([job.status, this.events.length]) !== before)
        throw new Error(`refused, but: ${name}`);
    }
  }

  of(job: BlockJob): { readonly name: string; readonly data: JsonObject }[] {
    return this.events.filter(({ data }) => (data.id ?? data.device) === job.id);
  }

  /** The states of a job, in order. */
  path(job: BlockJob): JobStatus[] {
    return this.of(job)
      .filter(({ name }) => name === 'JOB_STATUS_CHANGE')
      .map(({ data }) => data.status as JobStatus);
  }
}

function played(plans: readonly Plan[], acts: readonly ('step' | readonly [string, number])[]): History {
  const history = new History(plans);
  for (const one of acts) {
    if (one === 'step') history.jobs.step();
    else history.do(...one);
    for (const job of history.jobs.all) {
      // JOB-011
      if (job.status === 'concluded' && job.autoDismiss) throw new Error(`${job.id} is still there`);
    }
  }
  return history;
}

const histories = [fc.array(plan, { minLength: 1, maxLength: 3 }), fc.array(act, { maxLength: 60 })] as const;

function law(name: string, holds: (history: History) => void): void {
  t.test(name, (t) => {
    const property = fc.property(...histories, (plans, acts) => {
      const history = played(plans, acts);
      history.jobs.endAll();
      holds(history);
    });
    fc.assert(property, { numRuns: 2000 });
    t.end();
  });
}

function equal(found: unknown, expected: unknown, what: string): void {
  if (JSON.stringify(found) !== JSON.stringify(expected))
    throw new Error(`${what}: ${JSON.stringify(found)}, not ${JSON.stringify(expected)}`);
}

law('events tell every transition, and only legal ones (JOB-002, JOB-014)', (history) => {
  for (const job of history.all) {
    const path = history.path(job);
    let from: JobStatus = 'undefined';
    for (const to of path) {
      if (!TRANSITIONS[from].includes(to)) throw new Error(`${job.id}: ${from} to ${to}`);
      from = to;
    }
    equal([job.status, from], ['null', 'null'], 'all of it is told, to the end');
  }
});

law('a job that was started has one completion, another none (JOB-013, JOB-015)', (history) => {
  for (const job of history.all) {
    const ends = history.of(job).filter(({ name }) => /COMPLETED|CANCELLED/.test(name));
    equal(ends.length, history.path(job).includes('running') ? 1 : 0, job.id);
    const end = ends[0];
    if (end === undefined) continue;
    equal(end.name, job.isCancelled ? 'BLOCK_JOB_CANCELLED' : 'BLOCK_JOB_COMPLETED', job.id);
    if (!job.isCancelled) equal(end.data.error ?? null, job.error, job.id);
  }
});

law('one of commit and abort, then clean; the work is over before (JOB-009, JOB-010)', (history) => {
  for (const [at, job] of history.all.entries()) {
    const ends = history.drivers[at]!.ends.filter((one) => one !== 'end of work');
    const last = ends.slice(-2);
    equal(last, [job.error === null ? 'commit' : 'abort', 'clean'], job.id);
    equal(ends.filter((one) => one !== 'prepare').length, 2, job.id);
    equal(history.drivers[at]!.ends.indexOf('end of work') > 0, false, job.id);
  }
});

law('all jobs of a group end well, or none does (JOB-012)', (history) => {
  const group = history.all.filter((_, at) => history.plans[at]!.grouped);
  const failed = group.filter((job) => job.error !== null);
  if (failed.length > 0) equal(failed.length, group.length, 'jobs that failed');
});

law('nobody is told that a job is pending or ready unless it is (JOB-015)', (history) => {
  for (const [at, job] of history.all.entries()) {
    const told = history.of(job);
    const position = (name: string) => told.findIndex((one) => one.name === name || one.data.status === name);
    const pending = position('BLOCK_JOB_PENDING');
    const isManual = !history.plans[at]!.autoFinalize && position('pending') >= 0;
    equal(pending >= 0, isManual, `${job.id} pending`);
    if (pending >= 0) equal(pending, position('pending') + 1, job.id);
    const ready = position('BLOCK_JOB_READY');
    equal(ready, position('ready') < 0 ? -1 : position('ready') + 1, `${job.id} ready`);
  }
});

t.test('the same history gives the same events, and steps come to an end (C2)', (t) => {
  const property = fc.property(...histories, (plans, acts) => {
    const [one, two] = [played(plans, acts), played(plans, acts)];
    equal(one.events, two.events, 'events');
    for (let steps = 0; one.jobs.step(); steps++)
      if (steps > 100) throw new Error('it does not come to rest');
  });
  fc.assert(property, { numRuns: 500 });
  t.end();
});
