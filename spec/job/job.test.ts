import t from 'tap';
import { Graph } from '../block/graph.js';
import type { JsonObject } from '../json/value.js';
import type { BlockJob } from './block-job.js';
import type { JobDriver } from './driver.js';
import type { Job } from './job.js';
import { Jobs, type NewJob } from './jobs.js';
import { ScriptedDriver, type Unit } from './scripted-job-for-tests.js';
import { JOB_STATUSES, type JobStatus, type JobVerb, TRANSITIONS } from './status.js';
import { JobTxn } from './txn.js';

/** The events of all jobs as short texts: "j0 running", "j0 BLOCK_JOB_READY". */
class World {
  readonly said: string[] = [];
  readonly jobs = new Jobs(new Graph(), ({ event, data }) => {
    const { id, device, status } = data as JsonObject;
    this.said.push(`${id ?? device} ${event === 'JOB_STATUS_CHANGE' ? status : event}`);
  });

  job(script: readonly Unit[], options: Partial<NewJob> = {}, driver?: JobDriver): BlockJob {
    const id = options.id ?? `j${this.jobs.all.length}`;
    return this.jobs.createBlockJob(driver ?? new ScriptedDriver('mirror', script), { ...options, id });
  }

  settle(): void {
    while (this.jobs.step());
  }

  take(): string[] {
    return this.said.splice(0);
  }
}

/** As QEMU's documentation of the states has them: a row a state, in it the states that may follow. */
const MAY_FOLLOW = `
  undefined  . C . . . . . . . . .
  created    . . R . . . . . X . N
  running    . . . P Y . W . X . .
  paused     . . R . . . . . . . .
  ready      . . . . . S W . X . .
  standby    . . . . Y . . . . . .
  waiting    . . . . . . . D X . .
  pending    . . . . . . . . X E .
  aborting   . . . . . . . . . E .
  concluded  . . . . . . . . . . N
  null       . . . . . . . . . . .`;

const LEGAL: ReadonlySet<string> = new Set(
  MAY_FOLLOW.trim()
    .split('\n')
    .flatMap((row) => {
      const [from, ...cells] = row.trim().split(/\s+/);
      return cells.flatMap((cell, to) => (cell === '.' ? [] : [`${from} ${JOB_STATUSES[to]}`]));
    }),
);

/** A job in each state that a command can meet. */
const IN_STATE: { readonly [status in JobStatus]?: (world: World) => Job } = {
  created: (world) => world.job([]),
  running: (world) => started(world, ['work', 'wait']),
  paused: (world) => {
    const job = started(world, ['work', 'wait']);
    job.userPause();
    world.settle();
    return job;
  },
  ready: (world) => started(world, ['ready', 'wait']),
  standby: (world) => {
    const job = started(world, ['ready', 'wait']);
    job.userPause();
    world.settle();
    return job;
  },
  waiting: (world) => {
    const txn = new JobTxn();
    started(world, ['wait'], { txn, id: 'other' });
    return started(world, ['work'], { txn });
  },
  pending: (world) => started(world, ['work'], { autoFinalize: false }),
  concluded: (world) => started(world, ['work'], { autoDismiss: false }),
};

function started(world: World, script: readonly Unit[], options: Partial<NewJob> = {}): BlockJob {
  const job = world.job(script, options);
  job.start();
  world.settle();
  return job;
}

const VERBS: { readonly [verb in JobVerb]: (job: BlockJob) => void } = {
  cancel: (job) => job.userCancel(true),
  pause: (job) => job.userPause(),
  resume: (job) => job.userResume(),
  'set-speed': (job) => job.setSpeed(1),
  complete: (job) => job.complete(),
  finalize: (job) => job.finalize(),
  dismiss: (job) => job.dismiss(),
};

/** What comes of a verb in a state: `ok`, or the id of the error. */
const OUTCOMES = `
             created    running    paused     ready      standby    waiting    pending    concluded
  cancel     ok         ok         ok         ok         ok         ok         ok         VERB
  pause      ok         ok         PAUSED     ok         PAUSED     VERB       VERB       VERB
  resume     NOT-PAUSED NOT-PAUSED ok         NOT-PAUSED ok         NOT-PAUSED NOT-PAUSED NOT-PAUSED
  set-speed  ok         ok         ok         ok         ok         VERB       VERB       VERB
  complete   VERB       VERB       VERB       ok         ok         VERB       VERB       VERB
  finalize   VERB       VERB       VERB       VERB       VERB       VERB       ok         VERB
  dismiss    VERB       VERB       VERB       VERB       VERB       VERB       VERB       ok`;

t.test('every verb in every state (JOB-003)', (t) => {
  const [head, ...rows] = OUTCOMES.trim().split('\n');
  const states = head!.trim().split(/\s+/) as JobStatus[];
  for (const row of rows) {
    const [verb, ...outcomes] = row.trim().split(/\s+/) as [JobVerb, ...string[]];
    for (const [column, status] of states.entries()) {
      const job = IN_STATE[status]!(new World()) as BlockJob;
      t.equal(job.status, status);
      t.equal(
        outcomeOf(() => VERBS[verb](job)),
        outcomes[column],
        `${verb} of a job that is ${status}`,
      );
    }
  }
  t.end();
});

t.test('each transition is made if and only if it is legal (JOB-002)', (t) => {
  for (const from of JOB_STATUSES) {
    for (const to of JOB_STATUSES) {
      t.equal(TRANSITIONS[from].includes(to), LEGAL.has(`${from} ${to}`), `${from} to ${to}`);
    }
  }
  t.end();
});

function outcomeOf(action: () => void): string {
  try {
    action();
    return 'ok';
  } catch (error) {
    return (error as { id: string }).id.replace('JOB-E-', '');
  }
}

t.test('ids (JOB-001)', (t) => {
  const world = new World();
  for (const id of ['', '1', '-a', 'a b', 'ä', 'a/b', 'a\n']) {
    t.throws(() => world.job([], { id }), { message: `Invalid job ID '${id}'` });
  }
  for (const id of ['a', 'A-z.0_9', 'a'.repeat(1000)]) world.job([], { id });
  t.throws(() => world.job([], { id: 'a' }), { message: "Job ID 'a' already in use" });
  t.equal(world.jobs.all.length, 3);
  t.end();
});

t.test('a job from its beginning to its end (JOB-004, JOB-009, JOB-011, JOB-014)', (t) => {
  const world = new World();
  const driver = new ScriptedDriver('backup', ['work', 'work']);
  const job = world.job([], {}, driver);
  job.start();
  t.same(world.take(), ['j0 created', 'j0 running']);
  t.equal(job.progress.total, 0, 'its work begins with its first step');
  world.jobs.step();
  t.same(job.progress, { current: 0, total: 2 });
  world.settle();
  const end = ['j0 waiting', 'j0 pending', 'j0 BLOCK_JOB_COMPLETED', 'j0 concluded', 'j0 null'];
  t.same(world.take(), end);
  t.same(driver.ends, ['end of work', 'prepare', 'commit', 'clean']);
  t.same(world.jobs.all, []);
  t.equal(world.jobs.step(), false);
  t.end();
});

t.test('a failure, in the work or at its very end (JOB-010)', (t) => {
  for (const [driver, error] of [
    [new ScriptedDriver('backup', ['work', 'fail']), 'Input/output error'],
    [new ScriptedDriver('backup', ['work'], true), 'No space left on device'],
  ] as const) {
    const world = new World();
    const job = world.job([], { autoDismiss: false }, driver);
    job.start();
    world.settle();
    t.match(world.take().slice(-3), ['j0 aborting', 'j0 BLOCK_JOB_COMPLETED', 'j0 concluded']);
    t.equal(job.error, error);
    t.same(driver.ends.slice(-2), ['abort', 'clean']);
  }
  t.end();
});

t.test('a mistake of the work is no failure of the job', (t) => {
  const world = new World();
  const job = world.job(
    [],
    {},
    {
      type: 'backup',
      // biome-ignore lint/correctness/useYield: it ends before
      *run() {
        throw new TypeError('a mistake');
      },
    },
  );
  job.start();
  t.throws(() => world.settle(), { message: 'a mistake' });
  t.end();
});

t.test('pauses are counted; only the user lifts his own (JOB-005)', (t) => {
  const world = new World();
  const job = started(world, ['work', 'wait']);
  world.take();
  job.pause();
  world.settle();
  t.same(world.take(), ['j0 paused']);
  t.equal(
    outcomeOf(() => job.userResume()),
    'NOT-PAUSED',
  );
  job.userPause();
  job.resume();
  world.settle();
  t.same(world.take(), []);
  job.userResume();
  world.settle();
  t.same(world.take(), ['j0 running']);
  t.end();
});

t.test('cancel: forced unless the job would rather end well; a pause is lifted (JOB-006)', (t) => {
  const world = new World();
  const job = started(world, ['wait']);
  job.userPause();
  world.settle();
  t.equal(
    outcomeOf(() => job.blockCancel(false)),
    'CANCEL-PAUSED',
  );
  job.blockCancel(true);
  world.settle();
  t.same(world.take().slice(2), [
    'j0 paused',
    'j0 running',
    'j0 aborting',
    'j0 BLOCK_JOB_CANCELLED',
    'j0 concluded',
    'j0 null',
  ]);

  const ready = started(world, ['ready', 'wait']);
  ready.blockCancel(false);
  t.equal(
    outcomeOf(() => ready.complete()),
    'NOT-COMPLETABLE',
  );
  world.settle();
  t.same(world.take().slice(2), [
    'j0 ready',
    'j0 BLOCK_JOB_READY',
    'j0 waiting',
    'j0 pending',
    'j0 BLOCK_JOB_COMPLETED',
    'j0 concluded',
    'j0 null',
  ]);
  t.end();
});

t.test('jobs of a group end together, newest first (JOB-012)', (t) => {
  const world = new World();
  const txn = new JobTxn();
  const drivers = [new ScriptedDriver('backup', ['work']), new ScriptedDriver('backup', ['work', 'work'])];
  const [first, second] = drivers.map((driver) => world.job([], { txn, autoDismiss: false }, driver));
  first!.start();
  second!.start();
  world.settle();
  t.same(world.take().slice(4), [
    'j0 waiting',
    'j1 waiting',
    'j1 pending',
    'j0 pending',
    'j1 BLOCK_JOB_COMPLETED',
    'j1 concluded',
    'j0 BLOCK_JOB_COMPLETED',
    'j0 concluded',
  ]);
  t.end();
});

t.test('a group waits for one finalize if one of it is to be finalized (JOB-009)', (t) => {
  for (const manual of [0, 1]) {
    const world = new World();
    const txn = new JobTxn();
    const jobs = [0, 1].map((at) => world.job(['work'], { txn, autoFinalize: at !== manual }));
    for (const job of jobs) job.start();
    world.settle();
    t.same(world.take().slice(-3), [
      'j1 pending',
      ...(manual === 1 ? ['j1 BLOCK_JOB_PENDING'] : []),
      'j0 pending',
      ...(manual === 0 ? ['j0 BLOCK_JOB_PENDING'] : []),
    ]);
    jobs[1 - manual]!.finalize();
    t.same(
      jobs.map((job) => job.status),
      ['null', 'null'],
    );
  }
  t.end();
});

t.test('if one of a group fails, all are cancelled (JOB-012)', (t) => {
  const world = new World();
  const txn = new JobTxn();
  const drivers = [
    new ScriptedDriver('backup', ['work', 'work', 'fail']),
    new ScriptedDriver('backup', ['work']),
  ];
  const [first, second] = drivers.map((driver) => world.job([], { txn, autoDismiss: false }, driver));
  first!.start();
  second!.start();
  world.settle();
  t.same(world.take().slice(4), [
    'j1 waiting',
    'j0 aborting',
    'j1 aborting',
    'j1 BLOCK_JOB_CANCELLED',
    'j1 concluded',
    'j0 BLOCK_JOB_COMPLETED',
    'j0 concluded',
  ]);
  t.equal(first!.error, 'Input/output error');
  t.equal(second!.error, 'Operation canceled');
  t.same(drivers[1]!.ends, ['end of work', 'abort', 'clean']);
  t.end();
});

t.test('jobs that were never started end at once, also two of one group (JOB-013)', (t) => {
  const world = new World();
  const txn = new JobTxn();
  const options = { txn, autoDismiss: false };
  const [first] = [world.job(['work'], options), world.job(['work'], options)];
  world.take();
  first!.cancel(true);
  t.same(world.take(), ['j0 aborting', 'j1 aborting', 'j1 concluded', 'j1 null', 'j0 concluded', 'j0 null']);
  t.end();
});

t.test('jobs take turns (JOB-004)', (t) => {
  const world = new World();
  const jobs = [world.job(['work', 'work']), world.job(['work', 'work']), world.job(['work', 'work'])];
  for (const job of jobs) job.start();
  const progress: string[] = [];
  while (world.jobs.step()) progress.push(jobs.map((job) => job.progress.current).join(''));
  t.same(progress, ['000', '000', '000', '100', '110', '111', '211', '221', '222']);
  t.end();
});

t.test('a failed request: what is done, and the io-status (JOB-019)', (t) => {
  const world = new World();
  const job = started(world, ['wait']);
  t.equal(job.requestFailed('read', 'report', 'EIO'), 'report');
  t.equal(job.requestFailed('write', 'ignore', 'EIO'), 'ignore');
  t.equal(job.requestFailed('write', 'enospc', 'EIO'), 'report');
  t.equal(job.ioStatus, 'ok');
  t.equal(job.requestFailed('write', 'auto', 'ENOSPC'), 'stop');
  t.equal(job.ioStatus, 'nospace');
  t.equal(job.requestFailed('read', 'stop', 'EIO'), 'stop');
  t.equal(job.ioStatus, 'nospace', 'the first one is shown');
  world.settle();
  t.equal(job.status, 'paused');
  job.userResume();
  t.equal(job.ioStatus, 'ok');
  world.settle();
  t.equal(job.status, 'running');
  t.equal(world.take().filter((text) => text === 'j0 BLOCK_JOB_ERROR').length, 5);
  t.end();
});

t.test('the end of the machine (JOB-020)', (t) => {
  for (const make of Object.values(IN_STATE)) {
    const one = new World();
    make(one);
    one.jobs.endAll();
    t.same(one.jobs.all, []);
  }
  t.end();
});
