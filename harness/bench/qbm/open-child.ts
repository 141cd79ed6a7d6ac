/**
 * Opens an image once, in a process of its own, and says what that took: code that has never run, and memory that
 * nobody has used before. Started by open.ts beside it with its order as the argument; answers on stdout.
 */
import { readFileSync } from 'node:fs';
import { DirectoryStorage } from '../../../spec/host/directory-storage.js';
import { nodeSha256 } from '../../../spec/host/sha256.js';
import { jsonObject } from '../../../spec/json/value.js';
import { Machine } from '../../../spec/qmp/machine.js';
import { MemoryStorage } from '../../../spec/storage/memory-storage.js';
import type { Storage } from '../../../spec/storage/storage.js';
import { collector, used } from '../memory.js';
import { BITMAPS, fileOf, makeLarge } from './large.js';
import type { Answer, Order } from './open.js';

const NODE = 'disk';
const CHUNK = 65536;

function answer({ root, name, size, fill, what }: Order): Answer {
  const storage = root === null ? new MemoryStorage() : new DirectoryStorage(root);
  if (root === null) makeLarge(storage, name, size, fill);
  const collect = collector();
  const before = used(collect);
  const rss = process.memoryUsage.rss();
  const started = performance.now();
  const machine = what === 'open' ? open(storage, name) : read(storage, name);
  const ms = performance.now() - started;
  const highest = highestResident();
  const grown = used(collect) - before;
  let accounted = 0;
  for (const { bits } of machine?.graph.find(NODE)?.bitmaps ?? []) accounted += bits.memoryBytes;
  machine?.shutDown();
  return { ms, grown, peak: highest === null ? null : highest - rss, accounted };
}

function open(storage: Storage, filename: string): Machine {
  const machine = new Machine({ storage, makeHash: nodeSha256 });
  const file = jsonObject({ driver: 'file', filename });
  const args = jsonObject({ driver: 'qbm', 'node-name': NODE, file });
  machine.execute({ name: 'blockdev-add', arguments: args });
  return machine;
}

/** The least that has to be done: every byte of the bitmap files, once. */
function read(storage: Storage, name: string): null {
  const buffer = new Uint8Array(CHUNK);
  for (const bitmap of BITMAPS) {
    const file = storage.open(fileOf(name, bitmap));
    for (let at = 0, end = file.size; at < end; at += CHUNK) file.read(at, buffer);
    file.close();
  }
  return null;
}

/**
 * Bytes that were resident when it was most, or null where the system does not say. Not maxRSS of getrusage: that is
 * inherited from whoever started this process.
 */
function highestResident(): number | null {
  try {
    const found = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'latin1'));
    return found === null ? null : Number(found[1]) * 1024;
  } catch {
    return null;
  }
}

process.stdout.write(JSON.stringify(answer(JSON.parse(process.argv[2]!) as Order)));
