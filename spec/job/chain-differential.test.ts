/**
 * Streams and commits beside those of a real qemu-storage-daemon: random histories on a chain, the same commands on both, and
 * at every rest point the same replies, jobs, and images below each other. STREAM.md, COMMIT.md.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { readJson } from '../json/read.js';
import { type Json, type JsonObject, jsonObject } from '../json/value.js';
import { writeJson } from '../json/write.js';
import { QmpError } from '../qmp/errors.js';
import { Daemon, daemonVersion } from '../qmp/qsd-for-tests.js';
import { CLUSTER, ImageChain } from './chain-for-tests.js';

const IMAGES = 4;
const SIZE = 8 * CLUSTER;
/** How long QEMU may take to a rest point, milliseconds. */
const LIMIT_MS = 5_000;

interface Command {
  readonly name: string;
  readonly args: JsonObject;
}

const node = fc.nat(IMAGES - 1).map((index) => `n${index}`);
const chance = <T>(one: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(one, { nil: undefined });
const jobId = fc.constantFrom('j0', 'j1');

function command(name: string, args: { readonly [argument: string]: fc.Arbitrary<Json | undefined> }) {
  return fc.record(args).map((made): Command => {
    const given = Object.entries(made).filter((entry): entry is [string, Json] => entry[1] !== undefined);
    return { name, args: jsonObject(Object.fromEntries(given)) };
  });
}

const starts = {
  'job-id': jobId,
  'filter-node-name': fc.constantFrom('f0', 'f1'),
  'auto-finalize': fc.constant(false),
};
const commands = fc.oneof(
  { weight: 3, arbitrary: command('block-stream', { ...starts, device: node, 'base-node': chance(node) }) },
  { weight: 2, arbitrary: command('block-stream', { ...starts, device: node, bottom: chance(node) }) },
  {
    weight: 4,
    arbitrary: command('block-commit', {
      ...starts,
      device: fc.constantFrom('n3', 'n3', 'f0', 'n1'),
      'top-node': chance(node),
      'base-node': chance(node),
    }),
  },
  {
    weight: 4,
    arbitrary: fc
      .constantFrom('job-finalize', 'job-finalize', 'job-cancel', 'job-complete')
      .chain((name) => command(name, { id: jobId })),
  },
  { weight: 1, arbitrary: command('blockdev-del', { 'node-name': node }) },
);

interface Side {
  run(name: string, args?: JsonObject): Promise<JsonObject>;
}

class Reference implements Side {
  readonly #chain = new ImageChain(Array.from({ length: IMAGES }, () => ({ size: SIZE, content: [] })));

  async run(name: string, args: JsonObject = {}): Promise<JsonObject> {
    try {
      return { return: this.#chain.execute(name, args) };
    } catch (error) {
      if (!(error instanceof QmpError)) throw error;
      return { error: { class: error.class, desc: error.desc } };
    } finally {
      this.#chain.machine.settle();
      this.#chain.verify();
    }
  }
}

class Qemu implements Side, Disposable {
  readonly #directory = mkdtempSync(join(tmpdir(), 'qbm-chain-'));
  readonly #daemon = new Daemon();

  async begin(): Promise<void> {
    await this.#daemon.line();
    await this.run('qmp_capabilities');
    for (let index = 0; index < IMAGES; index++) {
      const filename = join(this.#directory, `n${index}`);
      const below = index === 0 ? [] : ['-b', join(this.#directory, `n${index - 1}`), '-F', 'qcow2'];
      const made = spawnSync('qemu-img', ['create', '-f', 'qcow2', ...below, filename, String(SIZE)]);
      if (made.status !== 0) throw new Error(String(made.stderr));
      await this.run('blockdev-add', {
        driver: 'qcow2',
        'node-name': `n${index}`,
        file: { driver: 'file', filename },
        ...(index === 0 ? {} : { backing: `n${index - 1}` }),
      });
    }
  }

  async run(name: string, args: JsonObject = {}): Promise<JsonObject> {
    const [answer] = await this.#daemon.ask(`${writeJson({ execute: name, arguments: args })}\n`);
    return readJson(answer!) as JsonObject;
  }

  [Symbol.dispose](): void {
    this.#daemon[Symbol.dispose]();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** What is seen at a rest point: jobs, and what is below what. Names that nobody gave count for nothing. */
async function seen(side: Side): Promise<string> {
  const members = ['id', 'type', 'status', 'current-progress', 'total-progress', 'error'];
  const found = (await side.run('query-jobs')).return as JsonObject[];
  const jobs = found.map((job) => members.map((member) => job[member] ?? null));
  const nodes = (await side.run('query-named-block-nodes', { flat: true })).return as JsonObject[];
  const named = nodes.filter((one) => /^[nf]\d$/.test(String(one['node-name'])));
  const below = named.map(
    (one) => [one['node-name'], one.drv === 'qbm' ? 'qcow2' : one.drv, one.ro] as Json[],
  );
  const told = named.map(({ image }) => {
    const file = (image as JsonObject)['full-backing-filename'];
    return file === undefined ? '-' : (/n\d/.exec(String(file).split('/').at(-1)!)?.[0] ?? '-');
  });
  return writeJson({ jobs, below, told } as unknown as JsonObject);
}

const MOVES = /"(created|running|waiting|aborting)"/;

async function atRest(side: Side): Promise<string> {
  const end = performance.now() + LIMIT_MS;
  for (let last = ''; ; ) {
    const now = await seen(side);
    if (now === last && !MOVES.test(now)) return now;
    if (performance.now() > end) throw new Error(`no rest point: ${now}`);
    last = now;
  }
}

const version = daemonVersion();
const skip = version?.startsWith('7.2') ? false : 'qemu-storage-daemon 7.2 is not installed';

t.test(
  'streams and commits go as those of QEMU (JOB-101 to JOB-122)',
  { skip, timeout: 300_000 },
  async (t) => {
    let started = 0;
    const law = fc.asyncProperty(fc.array(commands, { minLength: 3, maxLength: 9 }), async (history) => {
      using qemu = new Qemu();
      await qemu.begin();
      const reference = new Reference();
      for (const { name, args } of history) {
        const [found, expected] = [await qemu.run(name, args), await reference.run(name, args)].map((reply) =>
          writeJson('error' in reply ? ((reply.error as JsonObject).desc as string) : 'ok').replace(
            /#block\d+/g,
            '#block',
          ),
        );
        const what = `${name} ${writeJson(args)}`;
        if (found !== expected) throw new Error(`${what}: QEMU says ${found}, the specification ${expected}`);
        const [there, here] = [await atRest(qemu), await atRest(reference)];
        if (there !== here) throw new Error(`after ${what}: QEMU has ${there}, the specification ${here}`);
        if (found === '"ok"' && /^block-/.test(name)) started += 1;
      }
    });
    await fc.assert(law, {
      numRuns: Number(process.env.QBM_CHAIN_HISTORIES ?? 60),
      seed: 141,
      endOnFailure: true,
    });
    t.ok(started > 40, `${started} jobs were begun`);
  },
);
