/** qbm img over files in memory, and what guests write to the images in between. */
import { type GuestRequest, guestRequest } from '../../block/guest.js';
import type { Node } from '../../block/node.js';
import { read } from '../../block/request.js';
import { jsonObject } from '../../json/value.js';
import { Machine } from '../../qmp/machine.js';
import type { Storage } from '../../storage/storage.js';
import { closeImage, openImage } from '../open-image.js';
import { nodeSha256 } from '../sha256.js';
import type { Answer } from './beside-for-tests.js';
import { runImg } from './img.js';

export class Images {
  readonly storage: Storage;

  constructor(storage: Storage) {
    this.storage = storage;
  }

  /** Any command line. */
  try(...argv: readonly string[]): Answer {
    const [out, err]: [string[], string[]] = [[], []];
    const code = runImg(argv, {
      storage: this.storage,
      makeHash: nodeSha256,
      stdout: (text) => void out.push(text),
      stderr: (text) => void err.push(text),
      readLine: () => undefined,
      isTerminal: false,
    });
    return { code, stdout: out.join(''), stderr: err.join('') };
  }

  /** One that has to succeed; what it prints. */
  run(...argv: readonly string[]): string {
    const { code, stdout, stderr } = this.try(...argv);
    if (code !== 0) throw new Error(`${argv.join(' ')}: ${code} ${stderr}`);
    return stdout;
  }

  /** Opens an image, and closes it after `use`. */
  with<T>(name: string, write: boolean, use: (node: Node) => T): T {
    const machine = new Machine({ storage: this.storage, makeHash: nodeSha256 });
    const format = name.endsWith('.raw') ? 'raw' : 'qbm';
    const node = openImage(machine, name, { format, write, options: jsonObject({ discard: 'unmap' }) });
    try {
      return use(node);
    } finally {
      closeImage(machine, node);
    }
  }

  /** A guest's requests. @throws Error with the errno */
  guest(name: string, ...requests: readonly GuestRequest[]): void {
    this.with(name, true, (node) => {
      for (const request of requests) {
        const result = guestRequest(node, request);
        if (typeof result === 'string') throw new Error(`${name}: ${request.op}: ${result}`);
      }
    });
  }

  write(name: string, offset: number, length: number, byte: number): void {
    this.guest(name, { op: 'write', offset, bytes: new Uint8Array(length).fill(byte) });
  }

  /** All that a guest reads. */
  content(name: string): Uint8Array {
    return this.with(name, false, (node) => {
      const bytes = new Uint8Array(node.size);
      read(node, 0, bytes);
      return bytes;
    });
  }

  /** Which areas a stored bitmap has dirty, as `offset+length`. */
  dirty(name: string, bitmap: string): readonly { readonly offset: number; readonly length: number }[] {
    return this.with(name, false, (node) => [...node.bitmap(bitmap)!.dirtyAreas()]);
  }
}

export function same(one: Uint8Array, two: Uint8Array): boolean {
  return Buffer.compare(one, two) === 0;
}
