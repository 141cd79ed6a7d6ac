/** What the harness adds to a QMP command: Session.qmp of a QEMU target against a bare loop on a socket. */
import { type JsonObject, jsonObject } from '../../spec/json/value.js';
import type { TargetChoice } from '../target/parse.js';
import { writeCommand } from '../target/qmp/message.js';
import type { Session } from '../target/target.js';
import { alternate, timed } from './alternate.js';
import { BareLoop } from './bare.js';
import {
  type Bar,
  type Bench,
  type BenchContext,
  type Comparison,
  comparison,
  type Section,
} from './bench.js';
import type { Pair } from './stats.js';

const AT_MOST: Bar = { at: 'most', value: 1.3 };
const LIMIT_MS = 30_000;
const NODE = 'disk';
const DISK_BYTES = 64 * 2 ** 20;

interface Command {
  readonly name: string;
  readonly args?: JsonObject;
}

const onBitmap = (verb: string, name: string, more: JsonObject = {}): Command => ({
  name: `block-dirty-bitmap-${verb}`,
  args: jsonObject({ node: NODE, name, ...more }),
});
const action = (type: string, data: JsonObject): JsonObject =>
  jsonObject({ type: `block-dirty-bitmap-${type}`, data: jsonObject({ node: NODE, ...data }) });

/** A round leaves everything as it found it. */
const ROUND: readonly Command[] = [
  onBitmap('add', 'a', { granularity: 65536 }),
  { name: 'query-named-block-nodes', args: jsonObject({ flat: true }) },
  onBitmap('disable', 'a'),
  { name: 'x-debug-block-dirty-bitmap-sha256', args: jsonObject({ node: NODE, name: 'a' }) },
  onBitmap('enable', 'a'),
  onBitmap('add', 'b'),
  { name: 'block-dirty-bitmap-merge', args: jsonObject({ node: NODE, target: 'b', bitmaps: ['a'] }) },
  {
    name: 'transaction',
    args: jsonObject({
      actions: [action('clear', { name: 'a' }), action('merge', { target: 'b', bitmaps: ['a'] })],
    }),
  },
  { name: 'query-block' },
  onBitmap('clear', 'a'),
  { name: 'query-version' },
  onBitmap('remove', 'no-such-bitmap'),
  onBitmap('remove', 'a'),
  onBitmap('remove', 'b'),
];
/** How many of them QEMU refuses. */
const REFUSED = 1;
const LINES = ROUND.map(({ name, args }) => writeCommand(name, args));
const OPTIONS = jsonObject({ driver: 'null-co', 'node-name': NODE, size: DISK_BYTES, 'read-zeroes': true });

export const commandBench: Bench = {
  name: 'command',
  summary: "the harness's cost per QMP command against a bare socket loop",
  async *run(context) {
    if (context.qemus.length > 0) yield await measure(context);
  },
};

async function measure(context: BenchContext): Promise<Section> {
  const rounds = context.quick ? 5 : 10;
  const rows: Comparison[] = [];
  for (const choice of context.qemus) {
    const { ours, control } = await measureOn(choice, rounds, context);
    rows.push(comparison(choice.name, ours, { bar: AT_MOST }));
    rows.push(comparison('  two bare loops', control));
  }
  const commands = rounds * ROUND.length;
  return {
    title: 'command: a QMP command through the harness (Session.qmp) and through a bare loop on a socket',
    sides: ['harness', 'bare'],
    rows,
    measured:
      `the time of a command, as the mean of ${commands}: ${rounds} times the same ${ROUND.length} (bitmaps added, ` +
      'switched, merged, cleared and removed, a transaction, hashes, queries, one refusal). Each side has a process ' +
      'of its own.',
    why:
      'the harness builds every request from values and reads every reply as JSON without loss, with a limit on each ' +
      'wait and events kept apart; the bare loop sends finished text and looks for the end of a line. Most of the ' +
      'time is the way to QEMU and back. The second row says how far two equal things differ here.',
  };
}

/** Both comparisons on one program: harness with bare, and bare with another bare. */
async function measureOn(
  choice: TargetChoice,
  rounds: number,
  { quick, signal }: BenchContext,
): Promise<{ ours: Pair[]; control: Pair[] }> {
  const times = { warmUps: quick ? 2 : 5, pairs: quick ? 20 : 60 };
  const target = choice.create();
  const bares: BareLoop[] = [];
  try {
    const session = await target.begin({
      id: 'bench',
      format: 'raw',
      limitMs: LIMIT_MS,
      volatileNodes: new Set(),
    });
    await prepare(choice, session);
    for (let i = 0; i < 2; i++) {
      bares.push(await BareLoop.start(choice));
      await bares[i]!.run([writeCommand('blockdev-add', OPTIONS)], 1);
    }
    const harness = perCommand(rounds, () => throughSession(session, rounds));
    const [bare, other] = bares.map((loop) => perCommand(rounds, () => loop.run(LINES, rounds)));
    const ours = await alternate(harness, bare!, times, signal);
    return { ours, control: await alternate(other!, bare!, times, signal) };
  } finally {
    await target.close();
    for (const bare of bares) await bare.close();
  }
}

/** Opens the node, and sees to it that the commands do what they are here for. */
async function prepare(choice: TargetChoice, session: Session): Promise<void> {
  await session.open(NODE, { size: DISK_BYTES, driver: 'null-co' });
  let refused = 0;
  for (const { name, args } of ROUND) if ('error' in (await session.qmp(name, args))) refused++;
  if (refused !== REFUSED) {
    throw new Error(
      `${choice.name} refuses ${refused} of the commands, not ${REFUSED}: the bench needs other ones`,
    );
  }
}

async function throughSession(session: Session, rounds: number): Promise<void> {
  for (let i = 0; i < rounds; i++) for (const { name, args } of ROUND) await session.qmp(name, args);
}

function perCommand(rounds: number, work: () => Promise<void>): () => Promise<number> {
  const whole = timed(work);
  return async () => (await whole()) / (rounds * ROUND.length);
}
