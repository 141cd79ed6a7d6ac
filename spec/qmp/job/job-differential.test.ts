/**
 * Jobs of the specification beside jobs of a real qemu-storage-daemon: the same verbs, and at every rest point the same
 * replies, states and events. What QEMU's jobs copy is nothing; they are slow, quick, or wait for their completion.
 */
import fc from 'fast-check';
import t from 'tap';
import { nodeSha256 } from '../../host/sha256.js';
import { ScriptedDriver, type Unit } from '../../job/scripted-job-for-tests.js';
import { isOver, JOB_STATUSES, type JobStatus } from '../../job/status.js';
import { JobTxn } from '../../job/txn.js';
import { readJson } from '../../json/read.js';
import { type Json, type JsonObject, jsonObject } from '../../json/value.js';
import { writeJson } from '../../json/write.js';
import { MemoryStorage } from '../../storage/memory-storage.js';
import { QmpError } from '../errors.js';
import { Machine } from '../machine.js';
import { Daemon, daemonVersion } from '../qsd-for-tests.js';

/** `slow`: runs as long as nobody ends it. `quick`: does its work at once. `mirror`: soon ready, and stays so. */
type Kind = 'slow' | 'quick' | 'mirror';

/** How long QEMU may take to a rest point, milliseconds. */
const LIMIT_MS = 3_000;

interface Plan {
  readonly kind: Kind;
  readonly autoFinalize: boolean;
  readonly autoDismiss: boolean;
}

const SCRIPTS: { readonly [kind in Kind]: readonly Unit[] } = {
  slow: ['work', 'wait'],
  quick: ['work'],
  mirror: ['work', 'ready', 'wait'],
};

const plan = (...kinds: Kind[]): fc.Arbitrary<Plan> =>
  fc.record({ kind: fc.constantFrom(...kinds), autoFinalize: fc.boolean(), autoDismiss: fc.boolean() });
const plans = fc.oneof(
  fc.record({ jobs: fc.tuple(plan('slow', 'quick', 'mirror')), grouped: fc.constant(false) }),
  fc.record({ jobs: fc.tuple(plan('slow', 'quick'), plan('slow', 'quick')), grouped: fc.boolean() }),
);

interface Command {
  readonly name: string;
  readonly args: JsonObject;
}

const device = fc.constantFrom('j0', 'j0', 'j0', 'j1', 'j1', 'j2');
const command = (name: fc.Arbitrary<string>, more: fc.Arbitrary<JsonObject> = fc.constant({})) =>
  fc.tuple(name, device, more).map(([verb, id, args]): Command => {
    const isOld = verb.startsWith('block-job-') && !/finalize|dismiss/.test(verb);
    return { name: verb, args: jsonObject({ ...(isOld ? { device: id } : { id }), ...args }) };
  });
const both = (verb: string): string[] => [`job-${verb}`, `block-job-${verb}`];
const commands = fc.oneof(
  command(fc.constantFrom(...['pause', 'resume', 'complete', 'finalize', 'dismiss'].flatMap(both))),
  command(fc.constantFrom('job-cancel', 'block-job-cancel')),
  command(
    fc.constant('block-job-cancel'),
    fc.boolean().map((force) => ({ force })),
  ),
  command(fc.constant('block-job-set-speed'), fc.constantFrom({ speed: 1 }, { speed: -1 })),
);

/** What is seen of an implementation: a reply or what there is, and per job what was said of it, in order. */
interface Side {
  run(name: string, args?: JsonObject): Promise<Json>;
  take(): JsonObject[];
}

class Reference implements Side {
  readonly machine = new Machine({ storage: new MemoryStorage(), makeHash: nodeSha256 });

  start(jobs: readonly Plan[], grouped: boolean): void {
    const txn = new JobTxn();
    const made = jobs.map(({ kind, autoFinalize, autoDismiss }, at) => {
      const driver = new ScriptedDriver(kind === 'mirror' ? 'mirror' : 'backup', SCRIPTS[kind]);
      const options = { id: `j${at}`, autoFinalize, autoDismiss, ...(grouped ? { txn } : {}) };
      return this.machine.jobs.createBlockJob(driver, options);
    });
    for (const [at, job] of made.entries()) {
      if (jobs[at]!.kind === 'slow') job.speed = 1;
      job.start();
    }
    this.machine.settle();
  }

  async run(name: string, args?: JsonObject): Promise<Json> {
    try {
      return jsonObject({ return: this.machine.execute({ name, arguments: args }) });
    } catch (error) {
      if (!(error instanceof QmpError)) throw error;
      return jsonObject({ error: jsonObject({ class: error.class, desc: error.desc }) });
    } finally {
      this.machine.settle();
    }
  }

  take(): JsonObject[] {
    return this.machine.takeEvents();
  }
}

class Qemu implements Side, Disposable {
  readonly #daemon = new Daemon();
  #events: JsonObject[] = [];

  async begin(): Promise<void> {
    await this.#daemon.line();
    await this.run('qmp_capabilities');
    // What is to be slow has something to copy: zeros would be skipped.
    for (const at of [0, 1]) {
      await this.#add(`slow-source${at}`, 2 ** 30);
      await this.#add(`slow-target${at}`, 2 ** 30);
      await this.#add(`source${at}`, 65536);
      await this.#add(`target${at}`, 65536);
    }
  }

  async start(jobs: readonly Plan[], grouped: boolean): Promise<void> {
    const actions = jobs.map(({ kind, autoFinalize, autoDismiss }, at) => {
      const data = {
        'job-id': `j${at}`,
        device: `${kind === 'slow' ? 'slow-' : ''}source${at}`,
        target: `${kind === 'slow' ? 'slow-' : ''}target${at}`,
        sync: 'full',
        'auto-finalize': autoFinalize,
        'auto-dismiss': autoDismiss,
        ...(kind === 'slow' ? { speed: 1 } : {}),
      };
      return { type: `blockdev-${kind === 'mirror' ? 'mirror' : 'backup'}`, data };
    });
    if (actions[0]!.type === 'blockdev-mirror') return this.#demand('blockdev-mirror', actions[0]!.data);
    const properties = { 'completion-mode': grouped ? 'grouped' : 'individual' };
    await this.#demand('transaction', { actions, properties } as unknown as JsonObject);
  }

  async run(name: string, args?: JsonObject): Promise<Json> {
    const request = args === undefined ? { execute: name } : { execute: name, arguments: args };
    this.#daemon.send(`${writeJson(jsonObject(request))}\n`);
    for (;;) {
      const message = readJson(await this.#daemon.line()) as JsonObject;
      if (message.event === undefined) return message;
      this.#events.push(message);
    }
  }

  take(): JsonObject[] {
    return this.#events.splice(0);
  }

  [Symbol.dispose](): void {
    this.#daemon[Symbol.dispose]();
  }

  async #add(name: string, size: number): Promise<void> {
    await this.#demand('blockdev-add', { driver: 'null-co', 'node-name': name, size });
  }

  async #demand(name: string, args: object): Promise<void> {
    const reply = (await this.run(name, args as JsonObject)) as JsonObject;
    if (reply.error !== undefined) throw new Error(`${name}: ${writeJson(reply)}`);
  }
}

/**
 * What query-block-jobs says, without what depends on luck while a job runs, or on what is copied. A mirror of QEMU that
 * has done its work keeps requests from its nodes until its end, and counts as paused meanwhile.
 */
async function jobsOf(side: Side): Promise<string> {
  const { return: jobs } = (await side.run('query-block-jobs')) as { return: JsonObject[] };
  return JSON.stringify(
    jobs.map(({ busy: _busy, len: _len, offset: _offset, paused, ...rest }) => {
      const isWorking = isStatus(rest.status) && !isOver(rest.status);
      return Object.entries(isWorking ? { ...rest, paused } : rest).sort();
    }),
  );
}

function isStatus(text: Json | undefined): text is JobStatus {
  return (JOB_STATUSES as readonly unknown[]).includes(text);
}

/** Events of each job: states, where a pause of the surroundings counts for nothing, and the names of the others. */
function said(events: readonly JsonObject[]): { readonly [id: string]: string[] } {
  const by: { [id: string]: string[] } = { j0: [], j1: [] };
  for (const { event, data } of events) {
    const { id, device, status, error } = data as JsonObject;
    const list = by[String(id ?? device)];
    list?.push(event === 'JOB_STATUS_CHANGE' ? String(status) : `${event} ${error ?? ''}`);
  }
  return by;
}

/** JOB-014 */
function foldPauses(states: readonly string[]): string[] {
  const folded: string[] = [];
  for (const state of states) {
    const [before, last] = folded.slice(-2);
    const isBack = (last === 'paused' && before === 'running') || (last === 'standby' && before === 'ready');
    if (isBack && state === before) folded.pop();
    else if (state !== folded.at(-1)) folded.push(state);
  }
  return folded;
}

/** Polls until QEMU is where the specification is; nothing else tells that it is at rest. */
async function atRest(qemu: Qemu, expected: string): Promise<string> {
  const end = performance.now() + LIMIT_MS;
  for (;;) {
    const found = await jobsOf(qemu);
    if (found === expected || performance.now() > end) return found;
  }
}

const skip =
  daemonVersion() === undefined && process.env.CI === undefined
    ? 'qemu-storage-daemon is not in PATH'
    : false;

t.test('jobs beside those of QEMU (JOB-003 to JOB-019)', { skip }, async (t) => {
  using qemu = new Qemu();
  await qemu.begin();
  const history = fc.asyncProperty(plans, fc.array(commands, { maxLength: 8 }), (start, acts) =>
    compareHistory(qemu, start, acts),
  );
  await t.resolves(fc.assert(history, { numRuns: 150, endOnFailure: true }));
});

/** One history on both sides. @throws where they differ */
async function compareHistory(
  qemu: Qemu,
  { jobs, grouped }: { readonly jobs: readonly Plan[]; readonly grouped: boolean },
  acts: readonly Command[],
): Promise<void> {
  const reference = new Reference();
  const heard = { reference: [] as JsonObject[], qemu: [] as JsonObject[] };
  const compare = async (what: string): Promise<void> => {
    const expected = await jobsOf(reference);
    const found = await atRest(qemu, expected);
    if (found !== expected) throw new Error(`${what}: QEMU has ${found}, the specification ${expected}`);
    heard.reference.push(...reference.take());
    heard.qemu.push(...qemu.take());
  };
  reference.start(jobs, grouped);
  await qemu.start(jobs, grouped);
  try {
    await compare('start');
    for (const { name, args } of acts) {
      const what = `${name} ${writeJson(args)}`;
      const [found, expected] = [await qemu.run(name, args), await reference.run(name, args)].map((one) =>
        writeJson(one),
      );
      if (found !== expected) throw new Error(`${what}: QEMU says ${found}, the specification ${expected}`);
      await compare(what);
    }
  } finally {
    await endAll(qemu);
    heard.qemu.push(...qemu.take());
  }
  await endAll(reference);
  heard.reference.push(...reference.take());
  const [a, b] = [said(heard.qemu), said(heard.reference)];
  for (const id of ['j0', 'j1']) {
    const [found, expected] = [foldPauses(a[id]!), foldPauses(b[id]!)].map((one) => one.join(', '));
    if (found !== expected) throw new Error(`events of ${id}: QEMU ${found}; the specification ${expected}`);
  }
}

/** Ends what is left, one by one, so that both sides do it in the same order. */
async function endAll(side: Side): Promise<void> {
  const end = performance.now() + LIMIT_MS;
  for (;;) {
    const { return: jobs } = (await side.run('query-jobs')) as { return: JsonObject[] };
    const job = jobs.at(-1);
    if (job === undefined) return;
    if (performance.now() > end) throw new Error('jobs do not end');
    await side.run(job.status === 'concluded' ? 'job-dismiss' : 'job-cancel', jsonObject({ id: job.id! }));
  }
}
