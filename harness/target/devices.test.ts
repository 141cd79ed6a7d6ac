/** Drives, devices and media: the reference beside a real QEMU with a machine, over random histories. */
import fc from 'fast-check';
import t from 'tap';
import type { JsonObject } from '../../spec/json/value.js';
import { writeJson } from '../../spec/json/write.js';
import {
  type DeviceStep,
  DRIVE,
  deviceHistories,
  NODES,
} from '../../spec/qmp/device/device-histories-for-tests.js';
import { mapStrings, sortFilename } from '../case/play/json.js';
import { findInPath, parseTarget } from './parse.js';
import type { CaseContext, Reply, Session, Target } from './target.js';

const PROGRAM = 'qemu-system-x86_64';
const skip =
  findInPath(PROGRAM) === null && process.env.CI === undefined ? `${PROGRAM} is not in PATH` : false;
const HISTORIES = Number(process.env.QBM_DEVICE_HISTORIES ?? 100);
/** Milliseconds for one of them; most of it is waiting until QEMU has let go of what was unplugged. */
const LIMIT = 2000;

const CONTEXT: CaseContext = {
  id: 'test',
  format: 'raw',
  limitMs: 20_000,
  volatileNodes: new Set(),
  devices: true,
};

/** What the session answers to each step, with the events of it. */
async function history(session: Session, steps: readonly DeviceStep[]): Promise<string[]> {
  for (const node of NODES) {
    await session.open(node, { size: 65536, driver: 'format', readOnly: node === NODES.at(-1) });
  }
  await session.open(`n${DRIVE}`, { size: 65536, driver: 'format', device: DRIVE });
  const seen: string[] = [];
  for (const step of steps) {
    const reply =
      step.do === 'drive'
        ? await session.drive!(step.id, step.readOnly)
        : await session.qmp(step.command, step.args);
    const events = session
      .events()
      .map(({ event, data }) => `${String(event)} ${writeJson(sorted(data as JsonObject))}`);
    seen.push([textOf(reply, session.directory!), ...events].join('\n'));
  }
  return seen;
}

function textOf(reply: Reply, directory: string): string {
  if ('error' in reply) return `${reply.error.class}: ${reply.error.desc}`;
  const shown = mapStrings(reply.return, (text) =>
    sortFilename(text.replaceAll(directory, '').replace(/#block\d+/g, '#')),
  );
  return writeJson(sorted(shown as JsonObject)).replace(/"actual-size": \d+/g, '"actual-size": 0');
}

/** With its members in one order, all the way down; without those that only the host knows. */
function sorted<T>(value: T): T {
  if (Array.isArray(value)) return value.map(sorted) as T;
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(members.map(([name, member]) => [name, sorted(member)])) as T;
}

async function on(target: Target, steps: readonly DeviceStep[]): Promise<string[]> {
  const session = await target.begin(CONTEXT);
  try {
    return await history(session, steps);
  } finally {
    await session.end();
  }
}

t.test(
  'random histories of devices and media answer the same on the reference and on QEMU',
  { skip, timeout: 30_000 + HISTORIES * LIMIT },
  async (t) => {
    const [reference, qemu] = [parseTarget('reference').create(), parseTarget('qemu-system').create()];
    t.teardown(() => Promise.all([reference.close(), qemu.close()]));
    await fc.assert(
      fc.asyncProperty(deviceHistories(30), async (steps) => {
        const ours = await on(reference, steps);
        const theirs = await on(qemu, steps);
        const first = ours.findIndex((line, index) => line !== theirs[index]);
        if (first < 0) return;
        const done = steps.slice(0, first + 1).map((step) => writeJson(step as unknown as JsonObject));
        throw new Error(`${done.join('\n')}\nreference ${ours[first]}\nQEMU      ${theirs[first]}`);
      }),
      { numRuns: HISTORIES },
    );
  },
);
