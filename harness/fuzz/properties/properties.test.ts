/** A short campaign of every property: its histories follow from their seeds, and the reference does what the model says. */
import tap from 'tap';
import { findInPath } from '../../target/find-program.js';
import { parseTarget } from '../../target/parse.js';
import type { Property } from '../property.js';
import { WORLD } from '../world.js';

const OPTIONS = { limitMs: 20_000, signal: new AbortController().signal };
const HISTORIES = 6;

async function campaign(t: typeof tap, property: Property, name: string): Promise<void> {
  const choice = parseTarget(name);
  const target = choice.create();
  const identity = await target.identify();
  await target.close();
  const prober = WORLD.prober(choice, OPTIONS);
  t.teardown(() => prober.close());
  if (!identity.capabilities.has('bytes') && property.name === 'format') {
    t.equal(property.draw(1, identity), null, 'it is about the images of another format');
    return;
  }
  let played = 0;
  for (let seed = 1; seed <= HISTORIES; seed++) {
    const history = property.draw(seed, identity);
    if (history === null) continue;
    t.same(property.draw(seed, identity), history, `seed ${seed} gives one history`);
    t.ok((property.reach(history)?.states.length ?? 0) > 0, `seed ${seed} reaches something`);
    t.same(await prober.probe(history), { kind: 'same' }, `${property.name}, seed ${seed}, on ${name}`);
    played += 1;
  }
  t.ok(played > HISTORIES / 2, `${played} histories`);
}

/** The storage daemon, but where a machine is needed. */
function judgeOf({ name }: Property): { readonly target: string; readonly program: string } {
  if (name === 'devices') return { target: 'qemu-system', program: 'qemu-system-x86_64' };
  return { target: 'qsd', program: 'qemu-storage-daemon' };
}

for (const property of WORLD.properties) {
  tap.test(`${property.name} on the reference`, (t) => campaign(t as typeof tap, property, 'reference'));
  const { target, program } = judgeOf(property);
  tap.test(`${property.name} on ${program}`, { skip: findInPath(program) === null }, (t) =>
    campaign(t as typeof tap, property, target),
  );
}
