/** Streams over random chains and histories: a guest sees nothing of them, however they end. STREAM.md, JOB-100 to JOB-108. */
import fc from 'fast-check';
import t from 'tap';
import { type ChainStory, chainStories, Fault, Twins } from '../chain-for-tests.js';

interface Story extends ChainStory {
  /** of the image that is streamed, and of its base (of none: -1) */
  readonly top: number;
  readonly base: number;
}

const stories: fc.Arbitrary<Story> = fc
  .record({
    ...chainStories(2),
    top: fc.nat(4),
    base: fc.integer({ min: -1, max: 4 }),
  })
  .map((story) => {
    const top = Math.max(1, story.top % story.layers.length);
    return { ...story, top, base: story.base < 0 ? -1 : story.base % top };
  });

/** One history; the laws are checked after every step. @returns how the job ended */
function play({ layers, top, base, rounds, end, fault, onError }: Story): string {
  const twins = new Twins(layers);
  const { chain } = twins;
  const { machine } = chain;
  const fails = new Fault(machine.graph.find(`n${top - 1}`)!, 'read', 'EIO', fault);
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
  fc.assert(law, { numRuns: Number(process.env.QBM_CHAIN_LAWS ?? 150), seed: 32 });
  t.ok(ended.size === 4 && [...ended.values()].every((count) => count > 2), JSON.stringify([...ended]));
  t.end();
});
