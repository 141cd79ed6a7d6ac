import t from 'tap';
import { Claims } from './claims.js';

/** Claims, and what was answered so far. */
function claims(): { claims: Claims<string>; ask: (id: string, worker: string) => void; said: string[] } {
  const said: string[] = [];
  const claims = new Claims<string>();
  const ask = (id: string, worker: string): void =>
    claims.ask(id, worker, (isYours) => said.push(`${worker} ${isYours ? 'keeps' : 'counts'} ${id}`));
  return { claims, ask, said };
}

t.test('the first one that asks keeps it; the others hear when it is there', (t) => {
  const { claims: all, ask, said } = claims();
  ask('x', 'one');
  ask('x', 'two');
  ask('y', 'two');
  t.same(said.splice(0), ['one keeps x', 'two keeps y']);
  all.keep('x');
  t.same(said.splice(0), ['two counts x']);
  ask('x', 'three');
  t.same(said, ['three counts x']);
  t.end();
});

t.test('what a worker was to keep when it went is for the next one', (t) => {
  const { claims: all, ask, said } = claims();
  ask('x', 'one');
  ask('x', 'two');
  ask('x', 'three');
  ask('y', 'one');
  ask('z', 'one');
  all.keep('z');
  said.length = 0;
  all.release('two');
  t.same(said, [], 'it only waited');
  all.release('one');
  t.same(said.splice(0), ['three keeps x']);
  ask('y', 'four');
  ask('z', 'four');
  t.same(said, ['four keeps y', 'four counts z']);
  t.end();
});
