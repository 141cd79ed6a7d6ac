/**
 * Random dialogues with the NBD servers of both daemons over the same disk, valid and malformed in every field: replies are
 * of the same kinds, with the same flags, data, extents and errors, and what is on the disk in the end is the same. Texts of errors
 * are for people; and QEMU says EINVAL where NBD-012 has EPERM or ENOSPC.
 */
import { createHash } from 'node:crypto';
import { ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { type Chunk, NbdTalk, nbdString, numbers, type OptionReply } from '../nbd/talk.js';
import * as wire from '../nbd/wire.js';
import { unless } from '../target/fixtures.js';
import { settles } from '../target/process.js';
import { TargetFault } from '../target/target.js';
import { type DaemonKind, DaemonProcess, inScratch, LIMIT_MS } from './daemon-for-tests.js';

/** How many dialogues; more on request: QBM_NBD_DIALOGUES=2000 */
const DIALOGUES = Number(process.env.QBM_NBD_DIALOGUES ?? 120);
const SEED = Number(process.env.QBM_NBD_SEED ?? 12);
const SIZE = 1024 * 1024 + 512;
/** The number of base:allocation. */
const ALLOCATION = 0;
/** For a whole dialogue. */
const REPLY_LIMIT_MS = 10_000;
/** Where files have holes is a matter of pages. */
const PAGE = 4096;

t.setTimeout(LIMIT_MS + DIALOGUES * 1000);

const OPTIONS = [
  ...['--blockdev', 'driver=file,node-name=f,filename=disk,discard=unmap'],
  ...['--blockdev', 'raw,node-name=disk,file=f,discard=unmap'],
  ...['--nbd-server', 'addr.type=unix,addr.path=nbd,max-connections=0'],
];

const EXPORTS = [
  {
    id: 'e0',
    name: 'disk',
    writable: true,
    description: 'a disk',
    bitmaps: ['b0'],
    'allocation-depth': true,
  },
  { id: 'e1', name: 'ro' },
  { id: 'e2', name: '', writable: true, writethrough: true },
];

/** One step of a dialogue. */
type Step =
  | { readonly kind: 'option'; readonly number: number; readonly data: Buffer }
  | {
      readonly kind: 'request';
      readonly type: number;
      readonly flags: number;
      readonly offset: bigint;
      readonly length: number;
      readonly byte: number;
    }
  /** bytes after which the server has to hang up */
  | { readonly kind: 'wrong'; readonly bytes: Buffer };

const name = fc.constantFrom('disk', 'disk', 'disk', 'ro', '', 'nope', 'x'.repeat(4097), 'd\0k');
const query = fc.constantFrom(
  ...[
    'base:allocation',
    'base:',
    'qemu:',
    'qemu:dirty-bitmap:',
    'qemu:dirty-bitmap:b0',
    'qemu:dirty-bitmap:no',
  ],
  ...['qemu:allocation-depth', 'x:y', '', 'nocolon', 'base:alloc', 'qemu:allocation-depth:'],
);
const bytes = fc.uint8Array({ maxLength: 20 }).map((all) => Buffer.from(all));

const info = fc
  .tuple(name, fc.array(fc.nat(5), { maxLength: 4 }), fc.constantFrom(0, 0, 0, 1, -1))
  .map(([one, wanted, off]) =>
    Buffer.concat([
      nbdString(one),
      numbers([Math.max(0, wanted.length + off), 2]),
      ...wanted.map((item) => numbers([item, 2])),
    ]),
  );
/** Not fewer than there are: QEMU 7.2 takes what is left over for the next option. */
const contexts = fc
  .tuple(name, fc.array(query, { maxLength: 4 }), fc.constantFrom(0, 0, 0, 1))
  .map(([one, all, off]) =>
    Buffer.concat([nbdString(one), numbers([all.length + off, 4]), ...all.map(nbdString)]),
  );
const nothing = fc.constant(Buffer.alloc(0));
const data = fc.oneof(nothing, bytes, info, contexts);

const anOption: fc.Arbitrary<Step> = fc
  .oneof(
    fc.tuple(fc.constantFrom(6, 7), fc.oneof(info, info, data)),
    fc.tuple(fc.constantFrom(9, 10), fc.oneof(contexts, contexts, data)),
    fc.tuple(fc.constantFrom(3, 5, 8), fc.oneof(nothing, nothing, bytes)),
    fc.tuple(fc.oneof(fc.constantFrom(0, 4, 11, 2 ** 32 - 1), fc.integer({ min: 12, max: 1e9 })), data),
  )
  .map(([number, all]) => ({ kind: 'option', number, data: all }));

const wrongOption: fc.Arbitrary<Step> = fc
  .tuple(fc.constantFrom(wire.OPTION_MAGIC, 1n), fc.nat(12), fc.constantFrom(2 ** 31, 2 ** 32 - 1))
  .map(([magic, number, length]) => ({
    kind: 'wrong',
    bytes: numbers([magic, 8], [number, 4], [length, 4], [0, 8], [0, 4]),
  }));

const inside = fc.oneof(
  fc.nat(SIZE),
  fc.nat(Math.floor(SIZE / PAGE)).map((page) => page * PAGE),
);
const offset = fc.oneof(
  { weight: 8, arbitrary: inside.map(BigInt) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(BigInt(SIZE), BigInt(SIZE - 1), BigInt(SIZE + 1), 2n ** 53n, 2n ** 63n - 1n),
  },
  { weight: 1, arbitrary: fc.bigInt(0n, 2n ** 63n) },
);
const length = fc.oneof(
  fc.nat(200_000),
  fc.nat(40).map((pages) => pages * PAGE),
  fc.constantFrom(0, 1, 512),
);
const flags = fc.oneof(
  { weight: 4, arbitrary: fc.constant(0) },
  { weight: 3, arbitrary: fc.nat(31) },
  { weight: 1, arbitrary: fc.nat(65535) },
);
const type = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom(0, 0, 1, 1, 3, 4, 5, 6, 7, 7) },
  { weight: 1, arbitrary: fc.integer({ min: 8, max: 65535 }) },
);

const aRequest: fc.Arbitrary<Step> = fc
  .record({ type, flags, offset, length, byte: fc.nat(255) })
  .map((one) => ({ kind: 'request', ...one }));
const hugeRead: fc.Arbitrary<Step> = fc
  .record({
    type: fc.constantFrom(0, 4, 5, 6, 7),
    offset,
    length: fc.constantFrom(33554433, 2 ** 31, 2 ** 32 - 1),
  })
  .map((one) => ({ kind: 'request', flags: 0, byte: 0, ...one }));
const wrongRequest: fc.Arbitrary<Step> = fc.constant({ kind: 'wrong', bytes: Buffer.alloc(28, 3) });

const go = (export_: string): Step => ({
  kind: 'option',
  number: wire.OPT_GO,
  data: Buffer.concat([nbdString(export_), numbers([0, 2])]),
});
const STRUCTURED: Step = { kind: 'option', number: wire.OPT_STRUCTURED_REPLY, data: Buffer.alloc(0) };
const CHOOSE: Step = {
  kind: 'option',
  number: wire.OPT_SET_META_CONTEXT,
  data: Buffer.concat([
    nbdString('disk'),
    numbers([3, 4]),
    ...['base:allocation', 'qemu:dirty-bitmap:b0', 'qemu:allocation-depth'].map(nbdString),
  ]),
};

const dialogue: fc.Arbitrary<readonly Step[]> = fc.oneof(
  fc
    .tuple(fc.array(anOption, { maxLength: 8 }), fc.option(wrongOption))
    .map(([all, last]) => (last === null ? all : [...all, last])),
  fc
    .tuple(
      fc.constantFrom<readonly Step[]>(
        [STRUCTURED, CHOOSE, go('disk')],
        [STRUCTURED, go('ro')],
        [go('disk')],
        [STRUCTURED, go('')],
      ),
      fc.array(fc.oneof({ weight: 20, arbitrary: aRequest }, { weight: 1, arbitrary: hugeRead }), {
        maxLength: 15,
      }),
      fc.option(wrongRequest, { freq: 8 }),
    )
    .map(([first, all, last]) => [...first, ...all, ...(last === null ? [] : [last])]),
);

/** Everything that a server said, in comparable form. */
async function hold(path: string, steps: readonly Step[]): Promise<string[]> {
  const talk = await NbdTalk.connect(path);
  const said: string[] = [];
  const dialogue = converse(talk, steps, said);
  if (!(await settles(dialogue, REPLY_LIMIT_MS))) said.push('no reply');
  talk.destroy();
  await dialogue;
  return said;
}

async function converse(talk: NbdTalk, steps: readonly Step[], said: string[]): Promise<void> {
  let isChosen = false;
  try {
    for (const step of steps) {
      if (step.kind === 'wrong') {
        talk.send(step.bytes);
        // QEMU answers a request with a wrong magic number before it hangs up; NBD-001 says nothing more.
        await talk.ended();
        said.push('hung up');
      } else if (step.kind === 'request') {
        const { type: kind, flags: bits, offset: from, length: size, byte } = step;
        const payload = kind === wire.CMD_WRITE ? Buffer.alloc(size, byte) : undefined;
        const chunks = await talk.request({
          type: kind,
          flags: bits,
          offset: from,
          length: size,
          ...(payload === undefined ? {} : { payload }),
        });
        said.push(chunksText(chunks));
      } else if (!isChosen) {
        const replies = await talk.option(step.number, step.data);
        said.push(`option ${step.number}: ${replies.map(replyText).join(' | ')}`);
        isChosen = step.number === wire.OPT_GO && replies.at(-1)!.type === wire.REP_ACK;
        // What follows would be taken for requests.
        if (isChosen && steps.indexOf(step) < steps.length - 1 && steps.at(-1)!.kind === 'option') break;
      }
    }
  } catch (error) {
    if (!(error instanceof TargetFault)) throw error;
    said.push('hung up');
  }
}

function replyText({ type: kind, data: all }: OptionReply): string {
  return kind >= wire.REP_ERROR ? `error ${kind - wire.REP_ERROR}` : `${kind} ${all.toString('hex')}`;
}

/**
 * The content of a read as one, and of base:allocation only that it is there: where zeros that were written are holes is a matter of
 * the file system, and of how it was asked.
 */
function chunksText(chunks: readonly Chunk[]): string {
  const content = createHash('sha256');
  let filled = 0;
  const others: string[] = [];
  for (const chunk of chunks) {
    if (chunk.kind === 'data' || chunk.kind === 'hole') {
      const bytes = chunk.kind === 'data' ? chunk.bytes : Buffer.alloc(chunk.length);
      content.update(`${filled === 0 ? chunk.offset : ''}`).update(bytes);
      filled += bytes.length;
    } else if (chunk.kind === 'error') {
      // NBD-012: QEMU has one error for all that is wrong with a request.
      others.push(`error ${chunk.errno === 'EPERM' || chunk.errno === 'ENOSPC' ? 'EINVAL' : chunk.errno}`);
    } else if (chunk.kind === 'status' && chunk.context === ALLOCATION) {
      others.push('allocation');
    } else others.push(JSON.stringify(chunk));
  }
  return [...(filled === 0 ? [] : [`${filled} bytes ${content.digest('hex').slice(0, 16)}`]), ...others].join(
    ' | ',
  );
}

async function start(kind: DaemonKind, directory: string): Promise<DaemonProcess> {
  const file = openSync(join(directory, 'disk'), 'w');
  ftruncateSync(file, SIZE);
  writeSync(file, Buffer.alloc(64 * 1024, 0x5a), 0, 64 * 1024, 128 * 1024);
  const daemon = await DaemonProcess.start(kind, directory, ...OPTIONS);
  await daemon.ask('block-dirty-bitmap-add', { node: 'disk', name: 'b0' });
  for (const one of EXPORTS)
    await daemon.ask('block-export-add', { type: 'nbd', 'node-name': 'disk', ...one });
  return daemon;
}

t.test('both servers say the same', { skip: unless('qemu-storage-daemon') }, async (t) => {
  await inScratch(async (ours, first) => {
    await inScratch(async (theirs, second) => {
      const qbm = await start('qbm', ours);
      first.push(qbm);
      const qsd = await start('qsd', theirs);
      second.push(qsd);
      let replies = 0;
      for (const steps of fc.sample(dialogue, { numRuns: DIALOGUES, seed: SEED })) {
        const [a, b] = [await hold(qbm.socket, steps), await hold(qsd.socket, steps)];
        replies += b.length;
        const shown = steps.map((step) =>
          JSON.stringify(step, (_, value) => (typeof value === 'bigint' ? `${value}` : value)),
        );
        if (JSON.stringify(a) !== JSON.stringify(b)) t.same(a, b, shown.slice(0, 20).join('\n'));
      }
      t.ok(replies > DIALOGUES * 3, `${replies} replies were compared`);
      const disks = [ours, theirs].map((directory) => readFileSync(join(directory, 'disk')));
      t.ok(disks[0]!.equals(disks[1]!), 'the disks are the same in the end');
    });
  });
});
