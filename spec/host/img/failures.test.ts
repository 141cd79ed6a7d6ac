/** A full disk, or the end of the program, at every point of what qbm img does: nothing that was there is lost. */
import t from 'tap';
import { Between, Died, Mortal, type Op } from '../../qmp/crash/storage-for-tests.js';
import { MemoryStorage } from '../../storage/memory-storage.js';
import { StorageError, type StorageFile } from '../../storage/storage.js';
import { Images, same } from './memory-for-tests.js';

const K = 1024;

/** Room for so many changes that need room, and then for none. */
class Full extends Between {
  left = Infinity;

  protected override change(op: Op, name: string, done: () => void): void {
    if (op === 'write' || op === 'create') {
      if (this.left <= 0) throw new StorageError('ENOSPC', name);
      this.left -= 1;
    }
    done();
  }
}

/** base.raw ← mid ← top, each with something, and a bitmap on mid. */
function scene(): MemoryStorage {
  const storage = new MemoryStorage();
  const images = new Images(storage);
  images.run('create', '-q', '-f', 'raw', 'base.raw', '256k');
  images.write('base.raw', 0, 256 * K, 1);
  images.run(
    'create',
    '-q',
    '-f',
    'qbm',
    '-b',
    'base.raw',
    '-F',
    'raw',
    '-o',
    'cluster_size=4k',
    'mid',
    '512k',
  );
  images.write('mid', 10 * K, 100 * K, 2);
  images.run('bitmap', '--add', 'mid', 'b');
  images.run('create', '-q', '-f', 'qbm', '-b', 'mid', '-F', 'qbm', '-o', 'cluster_size=8k', 'top', '600k');
  images.write('top', 50 * K, 100 * K, 3);
  images.write('top', 590 * K, 10 * K, 4);
  return storage;
}

interface Command {
  readonly argv: readonly string[];
  readonly text: RegExp;
  /** of which the content must not change whatever happens */
  readonly kept: readonly string[];
}

const COMMANDS: readonly Command[] = [
  {
    argv: ['commit', 'top'],
    text: /Block job failed: No space left on device\nNothing is lost: 'top' reads as/,
    kept: ['top', 'base.raw'],
  },
  {
    argv: ['commit', '-b', 'base.raw', 'top'],
    text: /Block job failed: No space left on device/,
    kept: ['top'],
  },
  {
    argv: ['rebase', '-b', '', 'top'],
    text: /Error while writing to COW image: No space left on device\nNothing is lost/,
    kept: ['top', 'mid', 'base.raw'],
  },
  {
    argv: ['convert', '-O', 'raw', 'top', 'copy.raw'],
    text: /error while writing at byte \d+: No space left on device\n'copy.raw' is incomplete/,
    kept: ['top', 'mid', 'base.raw'],
  },
  {
    argv: ['convert', '-O', 'qbm', '--bitmaps', 'mid', 'copy'],
    text: /error while writing at byte \d+: No space left on device\n'copy' is incomplete/,
    kept: ['top', 'mid', 'base.raw'],
  },
  {
    argv: ['convert', '-O', 'qbm', '-B', 'base.raw', '-F', 'raw', 'mid', 'copy'],
    text: /No space left on device/,
    kept: ['top', 'mid', 'base.raw'],
  },
  {
    argv: ['resize', '-f', 'qbm', 'top', '2M'],
    text: /No space left on device|ENOSPC/,
    kept: ['mid', 'base.raw'],
  },
  {
    argv: ['bitmap', '--add', '-g', '512', 'mid', 'b2'],
    text: /ENOSPC|No space left on device/,
    kept: ['top', 'mid', 'base.raw'],
  },
];

for (const { argv, text, kept } of COMMANDS) {
  t.test(`a full disk in the middle of ${argv.join(' ')}`, (t) => {
    const before = contents(scene());
    let seen = '';
    for (let room = 0; ; room++) {
      const storage = scene();
      const full = new Full(storage);
      full.left = room;
      const answer = new Images(full).try(...argv);
      storage.forgetLocks();
      const after = contents(storage);
      for (const name of kept)
        if (!same(after[name]!, before[name]!)) t.fail(`${name} after ${room} changes`);
      if (answer.code === 0) break;
      if (answer.code !== 1) t.fail(`exit code ${answer.code} after ${room} changes`);
      if (!/No space left|ENOSPC/.test(answer.stderr)) t.fail(`after ${room} changes: ${answer.stderr}`);
      seen += answer.stderr;
      // With room again it can be done, or there is something that has to be removed first, and it says what.
      const again = new Images(storage).try(...argv);
      if (
        again.code !== 0 &&
        !/exists already|already exists: b2|Bitmap 'b' is inconsistent/.test(again.stderr)
      )
        t.fail(`again after ${room} changes: ${again.stderr}`);
    }
    t.match(seen, text);
    t.end();
  });

  t.test(`the end of the program in the middle of ${argv.join(' ')}`, (t) => {
    const before = contents(scene());
    for (let left = 0; ; left++) {
      const storage = scene();
      const mortal = new Mortal(storage);
      mortal.left = left;
      try {
        new Images(mortal).run(...argv);
        break;
      } catch (error) {
        if (!(error instanceof Died)) throw error;
      }
      storage.forgetLocks();
      const after = contents(storage);
      for (const name of kept)
        if (!same(after[name]!, before[name]!)) t.fail(`${name} after ${left} changes`);
    }
    t.pass('nothing that has to stay was lost');
    t.end();
  });
}

function contents(storage: MemoryStorage): { readonly [name: string]: Uint8Array } {
  const images = new Images(storage);
  return Object.fromEntries(['base.raw', 'mid', 'top'].map((name) => [name, images.content(name)]));
}

t.test('files that cannot be used', (t) => {
  const images = new Images(scene());
  const refused = (argv: readonly string[], text: RegExp, code = 1): void => {
    const answer = images.try(...argv);
    t.match(answer.stderr, text, argv.join(' '));
    t.equal(answer.code, code, argv.join(' '));
  };
  images.with('top', true, () => {
    for (const command of ['info', 'map', 'check', 'commit', 'resize'] as const) {
      const more = command === 'resize' ? ['1M'] : [];
      const lock = command === 'commit' || command === 'resize' ? '"write"' : 'shared "write"';
      refused(
        [command, 'top', ...more],
        new RegExp(`^qbm img: Could not open 'top': Failed to get ${lock} lock\n`),
      );
    }
    refused(['compare', 'top', 'mid'], /Could not open 'top': Failed to get shared "write" lock/, 2);
    refused(['create', '-f', 'qbm', 'top', '1M'], /top: Failed to get "write" lock/);
    refused(['convert', 'top', 'copy.raw'], /Could not open 'top': Failed to get shared "write" lock/);
    t.equal(images.try('info', '-U', 'top').code, 0, 'who leaves everything to others looks all the same');
  });
  // QBM-040: the descriptor of a stranger.
  const descriptor =
    '{"QBM": {"version": 1, "image": {"file": "/base.raw", "format": "raw"}, "bitmaps": {}}}';
  const storage = new MemoryStorage();
  storage.put('/base.raw', 65536);
  storage.put('sent', new TextEncoder().encode(descriptor));
  const stranger = new Images(storage);
  const refusal = stranger.try('info', 'sent');
  t.equal(refusal.code, 1);
  t.match(
    refusal.stderr,
    /only a caller who trusts the descriptor may open it\n\(whoever trusts it says so: --image-opts/,
  );
  for (const name of ['driver=qbm,trusted=on,file.filename=sent', 'trusted=on,file.filename=sent']) {
    t.match(stranger.try('info', '--image-opts', name), { code: 0 }, name);
  }
  t.match(stranger.try('info', 'json:{"driver": "qbm", "trusted": true, "file": {"filename": "sent"}}'), {
    code: 0,
  });
  t.match(stranger.try('check', '--image-opts', 'driver=qbm,trusted=on,file.filename=sent'), { code: 0 });
  t.match(stranger.try('check', 'sent').stderr, /QBM-E-TRUST/);
  t.match(
    stranger.try('create', '-f', 'qbm', '-b', '/base.raw', '-F', 'raw', 'made'),
    {
      code: 0,
      stderr:
        "warning: 'made' has the absolute name '/base.raw' in it, so it is opened only for a caller who trusts it",
    },
    'who makes one is told',
  );
  t.end();
});

/** A file system whose files end at 100 KiB, as with `ulimit -f`. */
class Short extends MemoryStorage {
  override create(name: string): StorageFile {
    const file = super.create(name);
    const truncate = file.truncate.bind(file);
    file.truncate = (size) => {
      if (size > 100 * K) throw new StorageError('EFBIG', name);
      truncate(size);
    };
    return file;
  }
}

t.test('an image that the file system cannot hold leaves no file', (t) => {
  for (const format of ['raw', 'qbm']) {
    const storage = new Short();
    const { code, stderr } = new Images(storage).try('create', '-q', '-f', format, 'x', '1M');
    t.equal(code, 1);
    t.match(stderr, `qbm img: x: The image size is too large for file format '${format}'`);
    t.same(storage.files(), []);
  }
  t.end();
});
