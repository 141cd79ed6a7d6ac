import t from 'tap';
import type { Step } from '../../case/case.js';
import { findInPath } from '../../target/find-program.js';
import { parseTarget } from '../../target/parse.js';
import type { Session, Target } from '../../target/target.js';
import type { History, Outcome } from '../history.js';
import { WORLD } from '../world.js';

const OPTIONS = { limitMs: 10_000, signal: new AbortController().signal };

function history(...actions: Step['action'][]): History {
  const steps = actions.map((action) => ({ line: 0, action }));
  return { property: 'bitmap', format: 'raw', requires: [], steps };
}

const OPEN: Step['action'] = {
  verb: 'open',
  node: 'disk',
  size: 65536,
  driver: 'null-co',
  readOnly: false,
  discard: 'unmap',
  policy: undefined,
  backing: undefined,
  device: undefined,
};
const ADD: Step['action'] = {
  verb: 'qmp',
  command: 'block-dirty-bitmap-add',
  arguments: { node: 'disk', name: 'b0' },
};
const WRITE: Step['action'] = {
  verb: 'io',
  node: 'disk',
  request: { op: 'write', offset: 0, length: 512, pattern: 1 },
};
const LOOK: Step['action'] = { verb: 'observe', node: 'disk' };

/** The reference, but for what `change` makes of its sessions. */
function changed(change: (session: Session) => Partial<Session>): Target {
  const target = parseTarget('reference').create();
  return {
    name: 'changed',
    kind: 'reference',
    identify: () => target.identify(),
    close: () => target.close(),
    async begin(context) {
      const session = await target.begin(context);
      const own = change(session);
      return new Proxy(session, {
        get(one, member) {
          if (member in own) return own[member as keyof Session];
          const value = Reflect.get(one, member, one);
          return typeof value === 'function' ? value.bind(one) : value;
        },
      });
    },
  };
}

async function probe(target: Target, played: History): Promise<Outcome> {
  const prober = WORLD.prober({ name: target.name, kind: target.kind, create: () => target }, OPTIONS);
  try {
    return await prober.probe(played);
  } finally {
    await prober.close();
  }
}

t.test('a difference is found at the step at which it shows', async (t) => {
  // A target that forgets a guest's write.
  const forgets = changed(() => ({ io: async () => ({ ok: true }) }));
  const found = await probe(forgets, history(OPEN, ADD, WRITE, LOOK, WRITE));
  t.match(found, { kind: 'differs', step: 3, oracle: 'model' });
  t.match(found, { expected: ['observe disk', '   size 65536', /count 65536/], observed: { length: 5 } });
});

t.test('what a target prints for people is a complaint', async (t) => {
  const prints = changed(() => ({ stderr: () => 'qemu: Lost persistent bitmaps\n' }));
  t.match(await probe(prints, history(OPEN)), {
    kind: 'differs',
    step: 0,
    oracle: 'stderr',
    observed: ['qemu: Lost persistent bitmaps'],
  });
});

t.test('a history that waits for what does not come is not played', async (t) => {
  const waits = history(OPEN, { verb: 'wait', any: [], job: 'j0', state: 'null' });
  t.match(
    await probe(
      changed(() => ({})),
      waits,
    ),
    { kind: 'unplayable', step: 1 },
  );
});

t.test('what the target has not cannot be played', async (t) => {
  const needs = { ...history(OPEN), requires: ['command:nothing'] };
  t.match(
    await probe(
      changed(() => ({})),
      needs,
    ),
    { kind: 'unplayable', message: /command:nothing/ },
  );
});

const isThere = findInPath('qemu-storage-daemon') !== null;
t.test('a crash is an outcome, and the next history is played', { skip: !isThere }, async (t) => {
  const prober = WORLD.prober(parseTarget('qsd'), OPTIONS);
  t.teardown(() => prober.close());
  const merge: Step['action'] = {
    verb: 'qmp',
    command: 'block-dirty-bitmap-merge',
    arguments: { node: 'disk', target: 'b0', bitmaps: [] },
  };
  t.match(await prober.probe(history(OPEN, ADD, merge, LOOK)), {
    kind: 'crash',
    step: 2,
    message: /SIGSEGV/,
  });
  t.same(await prober.probe(history(OPEN, ADD, WRITE, LOOK)), { kind: 'same' });
});

t.test('the next history is prepared while this one is played', { skip: !isThere }, async (t) => {
  const prober = WORLD.prober(parseTarget('qsd'), OPTIONS);
  t.teardown(() => prober.close());
  const next = history(OPEN, ADD, ADD, WRITE, LOOK);
  let times = 0;
  const outcome = await prober.probe(history(OPEN, ADD, WRITE, LOOK), () => {
    times++;
    prober.prepare?.(next);
  });
  t.same([outcome.kind, times], ['same', 1]);
  t.same(await prober.probe(next), { kind: 'same' });
  prober.prepare?.(next);
  t.same(await prober.probe(history(OPEN, LOOK)), { kind: 'same' }, 'another one is played after all');
});
