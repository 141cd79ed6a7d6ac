/**
 * Locks between processes, as Node has neither flock nor fcntl. Who holds a file `NAME` has an empty file in the directory
 * `NAME.lock`, whose name says who it is: kind, process, when that started, a number, process namespace, boot, host.
 *
 * Whoever wants a lock first puts its own file there and then looks for others it cannot go with (an exclusive holder goes
 * with nobody, shared ones with each other); if there is one, it takes its own away again and is refused. So of two that
 * come at once at most one gets the lock; it may be neither. Files of processes that are gone are taken away by whoever
 * finds them: no other process ever has that name, so nobody's living lock can be meant. (With one file for all, two that
 * find it stale can each remove it, the second one the lock that the first just took.)
 *
 * A holder on another host, or in another process namespace, cannot be seen and counts as living; so does a file there that
 * this program did not make. After a crash of that host somebody has to remove it. The lock goes with the name, links
 * followed, and stays when another file is renamed over it; two hard links to one file are two names.
 */
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  unlinkSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { StorageError } from '../storage/storage.js';
import { codeOf, translate } from './directory-storage-errno.js';

export type LockKind = 'exclusive' | 'shared';

/** How often `NAME.lock` may go away, as others leave, between making it and using it. */
const TRIES = 100;

/** Own files that exist, to be removed when this process ends by itself. */
const held = new Set<string>();
let counter = 0;

/**
 * Takes a lock. In a directory that cannot be written to, a shared one only looks for an exclusive holder and leaves no
 * trace: what cannot be written to by this process seldom is by another.
 * @param path of the file, links followed @param name what the caller calls it
 * @returns what gives it back @throws StorageError EAGAIN
 */
export function takeLock(path: string, kind: LockKind, name: string): () => void {
  const directory = `${path}.lock`;
  let own: string | null = null;
  try {
    own = announce(directory, kind);
  } catch (error) {
    const code = codeOf(error);
    if (kind === 'exclusive' || (code !== 'EACCES' && code !== 'EROFS')) throw translate(name, error);
  }
  let others: string[];
  try {
    others = livingIn(directory, own);
  } catch (error) {
    if (own !== null) withdraw(directory, own);
    throw translate(name, error);
  }
  const inTheWay =
    kind === 'exclusive' ? others.length > 0 : others.some((one) => !one.startsWith('shared.'));
  const release = (): void => {
    if (own !== null) withdraw(directory, own);
  };
  if (inTheWay) {
    release();
    throw new StorageError('EAGAIN', name);
  }
  return release;
}

/** Puts a file of this process there; returns its name. */
function announce(directory: string, kind: LockKind): string {
  if (held.size === 0 && counter === 0) process.on('exit', withdrawAll);
  for (let tries = 0; ; tries++) {
    counter += 1;
    const own = [kind, process.pid, SELF.start, counter, SELF.namespace, SELF.boot, SELF.host].join('.');
    try {
      mkdirSync(directory);
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
    try {
      closeSync(openSync(join(directory, own), 'wx'));
      held.add(join(directory, own));
      return own;
    } catch (error) {
      const code = codeOf(error);
      // ENOENT: the last holder removed the directory just now. EEXIST: another thread has this number.
      if ((code !== 'ENOENT' && code !== 'EEXIST') || tries === TRIES) throw error;
    }
  }
}

/** The others there, without those that are gone, whose files are removed. */
function livingIn(directory: string, own: string | null): string[] {
  const living: string[] = [];
  for (const other of entriesOf(directory)) {
    if (other === own) continue;
    if (isLiving(other)) living.push(other);
    else removeIfThere(() => unlinkSync(join(directory, other)));
  }
  return living;
}

function entriesOf(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

function withdraw(directory: string, own: string): void {
  held.delete(join(directory, own));
  removeIfThere(() => unlinkSync(join(directory, own)));
  // Refused while others are in it, and the last one does it.
  removeIfThere(() => rmdirSync(directory));
}

function withdrawAll(): void {
  for (const path of held) {
    removeIfThere(() => unlinkSync(path));
    removeIfThere(() => rmdirSync(join(path, '..')));
  }
}

/** A lock that cannot be removed any more is no reason for the close of a file to fail: it goes stale with us. */
function removeIfThere(remove: () => void): void {
  try {
    remove();
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
  }
}

const HOLDER = /^(?:exclusive|shared)\.(\d+)\.(\d*)\.\d+\.(\d*)\.([\da-f-]*)\.(.+)$/;

/** Whether the process that a file stands for still runs; true when that cannot be known. */
function isLiving(holder: string): boolean {
  const match = HOLDER.exec(holder);
  if (match === null) return true;
  const [, pid, start, namespace, boot, host] = match;
  if (host !== SELF.host) return true;
  if (boot !== SELF.boot) return false;
  if (namespace !== SELF.namespace) return true;
  const stat = statOf(pid!);
  // Without /proc, or with one that hides the processes of others.
  if (stat === null) return isThere(Number(pid));
  return !stat.isDead && stat.start === start;
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) !== 'ESRCH';
  }
}

/** When a process started, in ticks since boot, and whether it is a zombie, if the system tells. */
function statOf(pid: string): { start: string; isDead: boolean } | null {
  const text = readIfThere(`/proc/${pid}/stat`);
  if (text === '') return null;
  // "PID (NAME) STATE …": the name may hold anything, the start is the 22nd field.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { start: fields[19] ?? '', isDead: fields[0] === 'Z' || fields[0] === 'X' };
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'latin1').trim();
  } catch {
    return '';
  }
}

function namespaceOfSelf(): string {
  try {
    return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '';
  } catch {
    return '';
  }
}

const SELF = {
  start: statOf(String(process.pid))?.start ?? '',
  namespace: namespaceOfSelf(),
  boot: readIfThere('/proc/sys/kernel/random/boot_id'),
  // Many hosts are called localhost.
  host: `${encodeURIComponent(hostname()).slice(0, 64)}-${readIfThere('/etc/machine-id').slice(0, 32)}`,
} as const;
