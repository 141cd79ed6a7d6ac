import fc from 'fast-check';
import t, { type Test } from 'tap';
import type { Json, JsonObject } from '../../../spec/json/value.js';
import { COMMANDS } from '../../../spec/qmp/command-table.js';
import { compareSchema, schemaOf } from '../../../spec/qmp/schema.js';
import { findInPath, parseTarget } from '../parse.js';
import type { CaseContext, IoRequest, NodeObservation, Reply, Session, Target } from '../target.js';

const PROGRAM = 'qemu-storage-daemon';
const isMissing = findInPath(PROGRAM) === null;
const skip = isMissing && process.env.CI === undefined ? `${PROGRAM} is not in PATH` : false;

const CONTEXT: CaseContext = { id: 'test', format: 'raw', limitMs: 20_000, volatileNodes: new Set(['disk']) };

/** One thing done to a session; what it answers is compared. */
type Step =
  | { readonly do: 'qmp'; readonly command: string; readonly args: JsonObject }
  | { readonly do: 'io'; readonly request: IoRequest };

const SIZE = 1048576 + 512;
const name = fc.constantFrom('a', 'b', 'c');
const granularity = fc.constantFrom(512, 4096, 65536, 1048576);
const at = name.map((bitmap) => ({ node: 'disk', name: bitmap }));
const action = fc.oneof(
  fc.record({ name, granularity, disabled: fc.boolean() }).map((data) => ({
    type: 'block-dirty-bitmap-add',
    data: { node: 'disk', ...data },
  })),
  // enable is left to the cases: a refused one in a transaction ends or changes QEMU (qsd.expected.yaml)
  fc
    .record({ verb: fc.constantFrom('remove', 'clear', 'disable'), data: at })
    .map(({ verb, data }) => ({ type: `block-dirty-bitmap-${verb}`, data })),
  // at least one source: QEMU 7.2 dies of an empty list (BMP-033)
  fc.record({ target: name, bitmaps: fc.array(name, { minLength: 1, maxLength: 3 }) }).map((data) => ({
    type: 'block-dirty-bitmap-merge',
    data: { node: 'disk', ...data },
  })),
);
const offset = fc.oneof(
  fc.integer({ min: 0, max: SIZE - 1 }),
  fc.constantFrom(0, 511, 512, 65535, 65536, 65537, 1048575, 1048576, SIZE - 1),
);
const length = fc.oneof(fc.constantFrom(0, 1, 512, 4096, 65536), fc.integer({ min: 0, max: 200_000 }));
const request = fc
  .record({ op: fc.constantFrom('write', 'zero', 'discard'), offset, length })
  .map(({ op, offset, length }): IoRequest => {
    // the end of the disk moves; past it QEMU answers other errno values than the protocol text (REF-005)
    const cut = Math.max(0, Math.min(length, 262_144 - (offset % 262_144)));
    return { op, offset: offset % 262_144, length: cut, pattern: 1 } as IoRequest;
  });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: action.map(({ type, data }): Step => ({ do: 'qmp', command: type, args: json(data) })),
  },
  {
    weight: 1,
    arbitrary: at.map(
      (data): Step => ({ do: 'qmp', command: 'block-dirty-bitmap-enable', args: json(data) }),
    ),
  },
  {
    weight: 2,
    arbitrary: fc
      .array(
        fc.oneof(
          { weight: 5, arbitrary: action },
          { weight: 1, arbitrary: fc.constant({ type: 'abort', data: {} }) },
        ),
        {
          minLength: 1,
          maxLength: 5,
        },
      )
      .map((actions): Step => ({ do: 'qmp', command: 'transaction', args: json({ actions }) })),
  },
  { weight: 4, arbitrary: request.map((one): Step => ({ do: 'io', request: one })) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom(262144, 262656, 1048064, 1048576, SIZE, 1114112, 3000320)
      .map(
        (size): Step => ({ do: 'qmp', command: 'block_resize', args: json({ 'node-name': 'disk', size }) }),
      ),
  },
);

function json(value: object): JsonObject {
  return value as unknown as JsonObject;
}

/** What the session answered to each step, and what it shows at the end. */
async function history(session: Session, steps: readonly Step[]): Promise<string[]> {
  const seen: string[] = [];
  await session.open('disk', { size: SIZE, driver: 'format' });
  for (const one of steps) {
    if (one.do === 'io') seen.push(JSON.stringify(await session.io('disk', one.request)));
    else seen.push(textOf(await session.qmp(one.command, one.args)));
  }
  const observed = (await session.observe('disk')) as NodeObservation;
  seen.push(JSON.stringify(observed.size), ...observed.bitmaps.map((bitmap) => JSON.stringify(bitmap)));
  return seen;
}

/** Class and text of an error, without the id that only the reference gives. */
function textOf(reply: Reply): string {
  return 'error' in reply ? `${reply.error.class}: ${reply.error.desc}` : 'ok';
}

async function on<T>(target: Target, use: (session: Session) => Promise<T>): Promise<T> {
  const session = await target.begin(CONTEXT);
  try {
    return await use(session);
  } finally {
    await session.end();
  }
}

t.test('random histories answer the same on the reference and on QEMU, text by text', { skip }, async (t) => {
  const [reference, qsd] = [parseTarget('reference').create(), parseTarget('qsd').create()];
  t.teardown(() => Promise.all([reference.close(), qsd.close()]));
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const ours = await on(reference, (session) => history(session, steps));
      const theirs = await on(qsd, (session) => history(session, steps));
      const first = ours.findIndex((line, index) => line !== theirs[index]);
      if (first < 0 && ours.length === theirs.length) return;
      throw new Error(
        `answer ${first + 1} of ${steps.length}: reference ${ours[first]}, QEMU ${theirs[first]}`,
      );
    }),
    { numRuns: 150 },
  );
});

/**
 * What the proposals have and QEMU has not. 2016: one command, which is an action, too, and one driver; 2013: two arguments of
 * drive-backup.
 */
const OF_QBM = /block-dirty-bitmap-set-persistent|\bqbm\b|\bQbm|\btarget-(id|temporary)\b/;

const EMULATOR = 'qemu-system-x86_64';
const skipSchema =
  findInPath(EMULATOR) === null && process.env.CI === undefined ? `${EMULATOR} is not in PATH` : skip;

t.test(
  'the schema of every command agrees with QEMU, which may know more',
  { skip: skipSchema },
  async (t) => {
    const [daemon, emulator] = [await schemaOfTarget(t, 'qsd'), await schemaOfTarget(t, 'qemu-system')];
    const ours = schemaOf(COMMANDS);
    for (const command of COMMANDS.keys()) {
      // The storage daemon has no devices.
      const theirs = hasCommand(daemon, command) ? daemon : emulator;
      const beyond = compareSchema(ours, theirs, command).filter((line) => !OF_QBM.test(line));
      t.same(beyond, [], command);
    }
  },
);

async function schemaOfTarget(t: Test, name: string): Promise<Json> {
  const target = parseTarget(name).create();
  t.teardown(() => target.close());
  const reply = await on(target, (session) => session.qmp('query-qmp-schema', undefined));
  return (reply as { return: Json }).return;
}

function hasCommand(schema: Json, command: string): boolean {
  return (schema as JsonObject[]).some((type) => type['meta-type'] === 'command' && type.name === command);
}
