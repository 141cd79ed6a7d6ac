import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { StorageError } from '../storage/storage.js';
import { DirectoryStorage } from './directory-storage.js';
import { directoryFor, holding, other } from './directory-storage-for-tests.js';

function errno(use: () => unknown): string {
  try {
    use();
    return 'ok';
  } catch (error) {
    return (error as StorageError).errno ?? String(error);
  }
}

/** Whether the file can be locked now; lets go again. */
function attempt(storage: DirectoryStorage, lock: 'exclusive' | 'shared'): string {
  return errno(() => storage.open('f', { lock }).close());
}

t.test('two openers in one process', (t) => {
  const root = directoryFor(t);
  const storage = new DirectoryStorage(root);
  storage.create('f').close();
  const writer = storage.open('f', { write: true, lock: 'exclusive' });
  t.equal(attempt(storage, 'exclusive'), 'EAGAIN');
  t.equal(attempt(new DirectoryStorage('/'), 'shared'), 'ENOENT');
  t.equal(attempt(new DirectoryStorage(root), 'shared'), 'EAGAIN');
  t.equal(
    errno(() => storage.open('f').close()),
    'ok',
    'who asks for no lock needs none',
  );
  writer.close();
  const [one, two] = [storage.open('f', { lock: 'shared' }), storage.open('f', { lock: 'shared' })];
  t.equal(attempt(storage, 'exclusive'), 'EAGAIN');
  one.close();
  t.equal(attempt(storage, 'exclusive'), 'EAGAIN');
  two.close();
  two.close();
  t.equal(attempt(storage, 'exclusive'), 'ok');
  t.same(readdirSync(root), ['f'], 'nothing is left behind');
  t.end();
});

t.test('a lock stays with the name when another file is renamed over it', (t) => {
  const storage = new DirectoryStorage(directoryFor(t));
  storage.create('f').close();
  const writer = storage.open('f', { lock: 'exclusive' });
  storage.create('f.new').close();
  storage.rename('f.new', 'f');
  t.equal(attempt(storage, 'shared'), 'EAGAIN');
  writer.close();
  t.equal(attempt(storage, 'shared'), 'ok');
  t.end();
});

t.test('two processes', async (t) => {
  const root = directoryFor(t);
  const storage = new DirectoryStorage(root);
  storage.create('f').close();
  const writer = other(t, root, holding('f', 'exclusive'));
  t.equal(await writer.line(), 'held');
  t.equal(attempt(storage, 'exclusive'), 'EAGAIN');
  t.equal(attempt(storage, 'shared'), 'EAGAIN');
  await writer.leave();
  t.same(readdirSync(root), ['f'], 'who ends without closing still takes its lock away');

  const reader = other(t, root, holding('f', 'shared'));
  t.equal(await reader.line(), 'held');
  t.equal(attempt(storage, 'exclusive'), 'EAGAIN');
  t.equal(attempt(storage, 'shared'), 'ok');
  await reader.kill();
  t.equal(readdirSync(join(root, 'f.lock')).length, 1, 'who is killed cannot');
  t.equal(attempt(storage, 'exclusive'), 'ok', 'and is found to be gone');
  t.same(readdirSync(root), ['f']);
});

t.test(
  'a holder that was killed and not yet waited for',
  { skip: !existsSync('/proc/self/stat') },
  async (t) => {
    const root = directoryFor(t);
    const storage = new DirectoryStorage(root);
    storage.create('f').close();
    const writer = other(t, root, holding('f', 'exclusive'));
    await writer.line();
    writer.child.kill('SIGKILL');
    // This process does not come to wait for its child before it awaits something.
    const deadline = Date.now() + 60_000;
    const state = (): string =>
      readFileSync(`/proc/${writer.child.pid}/stat`, 'latin1').replace(/^.*\) /s, '')[0]!;
    while (state() !== 'Z' && Date.now() < deadline);
    t.equal(state(), 'Z');
    t.equal(attempt(storage, 'exclusive'), 'ok');
  },
);

t.test('which holders count as living', (t) => {
  const root = directoryFor(t);
  const storage = new DirectoryStorage(root);
  storage.create('f').close();
  const writer = storage.open('f', { lock: 'exclusive' });
  const [own] = readdirSync(join(root, 'f.lock'));
  writer.close();
  const fields = own!.split('.');
  const holder = (changes: Record<number, string>): string =>
    fields.map((field, i) => changes[i] ?? field).join('.');
  const [PID, START, NAMESPACE, BOOT] = [1, 2, 4, 5];
  const gone = spawnSync(process.execPath, ['-e', '']).pid;
  const hasProc = existsSync('/proc/self/stat');
  const left = (name: string): string => {
    mkdirSync(join(root, 'f.lock'));
    writeFileSync(join(root, 'f.lock', name), '');
    const result = attempt(storage, 'exclusive');
    // By hand, as somebody would have to.
    if (result !== 'ok') rmSync(join(root, 'f.lock'), { recursive: true });
    t.same(readdirSync(root), ['f']);
    return result;
  };
  t.equal(left(own!), 'EAGAIN', 'this process');
  t.equal(left(holder({ [PID]: String(gone) })), 'ok', 'a process that ended');
  if (hasProc) {
    t.equal(left(holder({ [START]: '1' })), 'ok', 'an earlier process with the number of this one');
    t.equal(
      left(holder({ [BOOT]: '01234567-0123-0123-0123-0123456789ab' })),
      'ok',
      'one before the last boot',
    );
    t.equal(left(holder({ [NAMESPACE]: '1', [PID]: String(gone) })), 'EAGAIN', 'one in another container');
  }
  t.equal(left(`${own}-elsewhere`), 'EAGAIN', 'one on another host');
  t.equal(left('somebody'), 'EAGAIN', 'what this program did not make');
  t.end();
});

t.test('of several that come at once never two get the lock', async (t) => {
  const root = directoryFor(t);
  const storage = new DirectoryStorage(root);
  storage.create('f').close();
  const script = `import { closeSync, openSync, unlinkSync } from 'node:fs';
    const alone = ${JSON.stringify(join(root, 'alone'))};
    let [got, refused] = [0, 0];
    console.log('ready');
    await new Promise((go) => process.stdin.once('data', go));
    for (let tries = 0; tries < 2000; tries++) {
      let file;
      try { file = storage.open('f', { lock: 'exclusive' }); } catch (error) {
        if (error.errno !== 'EAGAIN') throw error;
        refused += 1;
        continue;
      }
      closeSync(openSync(alone, 'wx'));
      unlinkSync(alone);
      file.close();
      got += 1;
    }
    console.log(JSON.stringify({ got, refused }));
    process.stdin.on('end', () => process.exit()).resume();`;
  const all = [1, 2, 3].map(() => other(t, root, script));
  for (const one of all) t.equal(await one.line(), 'ready');
  for (const one of all) one.child.stdin!.write('go');
  // A process that finds another where it should be alone ends without a word.
  const said = await Promise.all(all.map((one) => one.line()));
  t.comment(said.join(' '));
  t.ok(
    said.some((one) => JSON.parse(one).got > 0),
    'and some get it',
  );
  await Promise.all(all.map((one) => one.leave()));
  t.same(readdirSync(root), ['f']);
});
