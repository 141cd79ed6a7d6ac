/** Streams over random chains and histories: a guest sees nothing of them, however they end. STREAM.md, JOB-100 to JOB-108. */
import fc from 'fast-check';
import t from 'tap';
import type { Node } from '../../block/node.js';
import { RequestError } from '../../block/request-error.js';
import { CLUSTER, type Layer, Twins, type Write, writes } from '../chain-for-tests.js';

const SIZES = [2 * CLUSTER + 512, 5 * CLUSTER, 9 * CLUSTER + 1536];
const LARGEST = 9 * CLUSTER + 1536;

const layer: fc.Arbitrary<Layer> = fc.record({
  size: fc.constantFrom(...SIZES),
  content: fc.array(writes(LARGEST), { maxLength: 4 }),
});

const ENDS = ['finalize', 'cancel', 'cancel early', 'quit'] as const;

interface Story {
  readonly layers: readonly Layer[];
  /** of the image that is streamed, and of its base (of none: -1) */
  readonly top: number;
  readonly base: number;
  readonly rounds: readonly { readonly steps: number; readonly write: Write }[];
  readonly end: (typeof ENDS)[number];
  /** a cluster of the image below it that cannot be read by the job, once; null: none */
  readonly fault: number | null;
  readonly onError: 'report' | 'ignore' | 'stop';
}

const stories: fc.Arbitrary<Story> = fc
  .record({
    layers: fc.array(layer, { minLength: 2, maxLength: 5 }),
    top: fc.nat(4),
    base: fc.integer({ min: -1, max: 4 }),
    rounds: fc.array(fc.record({ steps: fc.nat(3), write: writes(LARGEST) }), { maxLength: 5 }),
    end: fc.constantFrom(...ENDS, 'finalize' as const),
    fault: fc.option(fc.nat(4)),
    onError: fc.constantFrom('report' as const, 'ignore' as const, 'stop' as const),
  })
  .map((story) => {
    const top = Math.max(1, story.top % story.layers.length);
    return { ...story, top, base: story.base < 0 ? -1 : story.base % top };
  });

/** A read of a cluster fails once, while a job is at work. */
class Fault {
  #isArmed = false;

  constructor({ driver }: Node, cluster: number | null) {
    const read = driver.read.bind(driver);
    let isLeft = cluster !== null;
    driver.read = (offset, into) => {
      const place = (cluster ?? 0) * CLUSTER;
      if (isLeft && this.#isArmed && place >= offset && place < offset + into.length) {
        isLeft = false;
        throw new RequestError('EIO', 'a fault');
      }
      read(offset, into);
    };
  }

  during(action: () => void): void {
    this.#isArmed = true;
    action();
    this.#isArmed = false;
  }
}

/** One history; the laws are checked after every step. @returns how the job ended */
function play({ layers, top, base, rounds, end, fault, onError }: Story): string {
  const twins = new Twins(layers);
  const { chain } = twins;
  const { machine } = chain;
  const fails = new Fault(chain.machine.graph.find(`n${top - 1}`)!, fault);
  chain.execute('block-stream', {
    'job-id': 'j0',
    device: `n${top}`,
    'auto-finalize': false,
    'auto-dismiss': false,
    'on-error': onError,
    ...(base < 0 ? {} : { 'base-node': `n${base}` }),
  });
  twins.check('at the start');
  for (const { steps, write } of rounds) {
    for (let step = 0; step < steps; step++) {
      fails.during(() => machine.step());
      twins.check('after a step');
    }
    twins.write(write);
  }
  if (end === 'cancel early' && machine.jobs.all[0]!.status !== 'concluded')
    chain.execute('job-cancel', { id: 'j0' });
  fails.during(() => machine.settle());
  twins.check('at rest');
  if (end !== 'quit') finish(twins, end);
  const [job] = machine.jobs.all;
  const ended = end === 'quit' ? 'quit' : job!.isCancelled ? 'cancelled' : (job!.error ?? 'completed');
  if (end !== 'quit') chain.execute('job-dismiss', { id: 'j0' });
  twins.check('after the end');
  twins.checkBitmap();
  if (ended === 'completed') checkCompleted(twins, top, base);
  twins.restart();
  return ended;
}

function finish(twins: Twins, end: Story['end']): void {
  const { chain } = twins;
  const job = chain.machine.jobs.all[0]!;
  if (job.status === 'paused' && end === 'finalize') chain.execute('job-resume', { id: 'j0' });
  chain.machine.settle();
  if (job.status !== 'concluded') {
    const verb = end === 'cancel' || job.status === 'paused' ? 'job-cancel' : 'job-finalize';
    chain.execute(verb, { id: 'j0' });
  }
  chain.machine.settle();
}

/** The image stands on its base, and what was on the way can be deleted, or written to, without being missed. */
function checkCompleted(twins: Twins, top: number, base: number): void {
  const { chain } = twins;
  const { graph } = chain.machine;
  const expected = base < 0 ? null : `n${base}`;
  const found = graph.find(`n${top}`)!.backing?.name ?? null;
  if (found !== expected) throw new Error(`n${top} stands on ${found}, not on ${expected}`);
  for (let index = top - 1; index > base; index--)
    chain.execute('blockdev-del', { 'node-name': `n${index}` });
  twins.check('without what was on the way');
}

t.test('a guest sees nothing of a stream, however it ends (JOB-100, JOB-104 to JOB-108)', (t) => {
  const ended = new Map<string, number>();
  const law = fc.property(stories, (story) => {
    const how = play(story);
    ended.set(how, (ended.get(how) ?? 0) + 1);
  });
  fc.assert(law, { numRuns: Number(process.env.QBM_CHAIN_LAWS ?? 150), seed: 30 });
  t.ok(ended.size === 4 && [...ended.values()].every((count) => count > 2), JSON.stringify([...ended]));
  t.end();
});
