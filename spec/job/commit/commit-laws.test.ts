/** Commits over random chains and histories: a guest sees nothing of them, however they end. COMMIT.md, JOB-110 to JOB-122. */
import fc from 'fast-check';
import t from 'tap';
import { type ChainStory, chainStories, Fault, Twins } from '../chain-for-tests.js';

interface Story extends ChainStory {
  readonly top: number;
  readonly base: number;
}

/** @param isActive the uppermost image is committed; then all have one size, for guests end on the base */
function stories(isActive: boolean): fc.Arbitrary<Story> {
  return fc
    .record({
      ...chainStories(isActive ? 2 : 3),
      top: fc.nat(4),
      base: fc.nat(4),
    })
    .map((story) => {
      const last = story.layers.length - 1;
      const top = isActive ? last : 1 + (story.top % (last - 1));
      const { size } = story.layers[last]!;
      const layers = isActive ? story.layers.map((one) => ({ ...one, size })) : story.layers;
      return { ...story, layers, top, base: story.base % top };
    });
}

/** One history; the laws are checked after every step. @returns how the job ended */
function play({ layers, top, base, rounds, end, fault, onError }: Story): string {
  const twins = new Twins(layers);
  const { chain } = twins;
  const { machine } = chain;
  const fails = new Fault(machine.graph.find(`n${base}`)!, 'write', 'ENOSPC', fault);
  const isActive = top === layers.length - 1;
  chain.execute('block-commit', {
    'job-id': 'j0',
    device: chain.top,
    'top-node': `n${top}`,
    'base-node': `n${base}`,
    'filter-node-name': 'filter',
    'auto-finalize': false,
    'auto-dismiss': false,
    'on-error': onError,
  });
  const job = machine.jobs.all[0]!;
  twins.check('at the start');
  for (const { steps, write } of rounds) {
    for (let step = 0; step < steps; step++) {
      fails.during(() => machine.step());
      twins.check('after a step');
    }
    // What an active commit has to follow comes through its filter.
    twins.write(write, isActive && job.status !== 'concluded' ? 'filter' : chain.top);
  }
  if (end === 'cancel early' && job.status !== 'concluded') chain.execute('job-cancel', { id: 'j0' });
  fails.during(() => machine.settle());
  if (job.status === 'paused' && end === 'finalize') chain.execute('job-resume', { id: 'j0' });
  machine.settle();
  twins.check('at rest');
  if (end === 'quit') {
    twins.restart();
    return 'quit';
  }
  if (job.status === 'ready' && end === 'finalize') chain.execute('job-complete', { id: 'j0' });
  machine.settle();
  if (job.status !== 'concluded')
    chain.execute(job.status === 'pending' && end === 'finalize' ? 'job-finalize' : 'job-cancel', {
      id: 'j0',
    });
  machine.settle();
  const ended = job.isCancelled ? 'cancelled' : (job.error ?? 'completed');
  twins.checkBitmap();
  chain.execute('job-dismiss', { id: 'j0' });
  twins.check('after the end');
  if (ended === 'completed') checkCompleted(twins, { top, base, isActive });
  if (!isActive) twins.restart();
  return ended;
}

interface Committed {
  readonly top: number;
  readonly base: number;
  readonly isActive: boolean;
}

/** The base reads as the top did; what was between can be deleted without being missed. */
function checkCompleted(twins: Twins, { top, base, isActive }: Committed): void {
  const { chain } = twins;
  if (isActive) {
    twins.checkReads(`n${base}`);
    return;
  }
  const above = chain.machine.graph.find(`n${top + 1}`)!.backing?.name;
  if (above !== `n${base}`) throw new Error(`n${top + 1} stands on ${above}`);
  for (let index = top; index > base; index--) chain.execute('blockdev-del', { 'node-name': `n${index}` });
  twins.check('without what was between');
}

for (const isActive of [false, true]) {
  const kind = isActive ? 'an active commit' : 'a commit';
  t.test(`a guest sees nothing of ${kind}, however it ends (JOB-110 to JOB-117, JOB-120, JOB-122)`, (t) => {
    const ended = new Map<string, number>();
    const law = fc.property(stories(isActive), (story) => {
      const how = play(story);
      ended.set(how, (ended.get(how) ?? 0) + 1);
    });
    fc.assert(law, { numRuns: Number(process.env.QBM_CHAIN_LAWS ?? 150), seed: 40 });
    t.ok(ended.size === 4 && [...ended.values()].every((count) => count > 2), JSON.stringify([...ended]));
    t.end();
  });
}
