/** qbm img and the real qemu-img side by side: the same command lines, each in a directory of its own. */
import { spawnSync } from 'node:child_process';
import { guestRequest } from '../../block/guest.js';
import { Machine } from '../../qmp/machine.js';
import { DirectoryStorage } from '../directory-storage.js';
import { closeImage, openImage } from '../open-image.js';
import { nodeSha256 } from '../sha256.js';
import type { ToolWorld } from '../tool.js';
import { runImg } from './img.js';

export interface Answer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Milliseconds that a program may take. */
const LIMIT = 60_000;

export const HAS_QEMU_IMG = spawnSync('qemu-img', ['--version']).status === 0;

export function worldOf(directory: string): ToolWorld & { readonly out: string[]; readonly err: string[] } {
  const [out, err]: [string[], string[]] = [[], []];
  return {
    storage: new DirectoryStorage(directory, { followLinks: true }),
    makeHash: nodeSha256,
    stdout: (text) => void out.push(text),
    stderr: (text) => void err.push(text),
    readLine: () => undefined,
    isTerminal: false,
    out,
    err,
  };
}

export function ours(directory: string, argv: readonly string[]): Answer {
  const world = worldOf(directory);
  const code = runImg(argv, world);
  return { code, stdout: world.out.join(''), stderr: world.err.join('') };
}

export function theirs(directory: string, argv: readonly string[]): Answer {
  const { status, stdout, stderr } = spawnSync('qemu-img', argv, {
    cwd: directory,
    encoding: 'utf8',
    timeout: LIMIT,
  });
  return { code: status ?? -1, stdout, stderr };
}

/** A guest's write to an image of ours. */
export function writeOurs(
  directory: string,
  name: string,
  offset: number,
  length: number,
  byte: number,
): void {
  const machine = new Machine({
    storage: new DirectoryStorage(directory, { followLinks: true }),
    makeHash: nodeSha256,
  });
  const node = openImage(machine, name, { write: true, format: name.endsWith('.raw') ? 'raw' : 'qbm' });
  const bytes = new Uint8Array(length).fill(byte);
  const result = guestRequest(node, { op: 'write', offset, bytes });
  closeImage(machine, node);
  if (typeof result === 'string') throw new Error(`${name}: ${result}`);
}

/** The same write to an image of QEMU. */
export function writeTheirs(
  directory: string,
  name: string,
  offset: number,
  length: number,
  byte: number,
): void {
  const format = name.endsWith('.raw') ? 'raw' : 'qcow2';
  const { status, stdout } = spawnSync(
    'qemu-io',
    ['-f', format, '-c', `write -P ${byte} ${offset} ${length}`, name],
    { cwd: directory, encoding: 'utf8', timeout: LIMIT },
  );
  if (status !== 0) throw new Error(`${name}: ${stdout}`);
}

/** What of an answer is to be the same: not what the formats and the programs are called. */
export function normal({ code, stdout, stderr }: Answer): Answer {
  const plain = (text: string): string =>
    text
      .replace(/\bqemu-img\b|\bqbm img\b/g, 'IMG')
      .replace(/\bqcow2\b|\bqbm\b/g, 'FORMAT')
      .replace(/ (?:cluster_size|extended_l2|compression_type|lazy_refcounts|refcount_bits)=\S+/g, '')
      .replace(/^(?:disk size|Image end offset|\d+\/\d+ = ).*\n/gm, '')
      .replace(/^Format specific information:\n(?: {4}.*\n)*/gm, '')
      .replace(/#block\d+/g, '#blockN');
  return { code, stdout: plain(stdout), stderr: plain(stderr).trimEnd() };
}
