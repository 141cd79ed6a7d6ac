/** The image tools of the reference as a session has them: in this process, over the files in memory of the case. */
import { IMG_COMMANDS, runImg } from '../../../spec/host/img/img.js';
import { runIo } from '../../../spec/host/io/io.js';
import { OpenImageError } from '../../../spec/host/open-error.js';
import { closeImage, openImage } from '../../../spec/host/open-image.js';
import { nodeSha256 } from '../../../spec/host/sha256.js';
import type { ToolWorld } from '../../../spec/host/tool.js';
import { Machine } from '../../../spec/qmp/machine.js';
import {
  type FileKind,
  type OpenMode,
  type Storage,
  StorageError,
  type StorageFile,
} from '../../../spec/storage/storage.js';
import type { ToolCall } from '../../case/play/tool.js';
import type { ToolOutcome, ToolPart } from '../target.js';

/** What `{format}` stands for on the reference. */
export const OVERLAY_FORMAT = 'qbm';

export function toolCapabilities(): string[] {
  return ['img', ...IMG_COMMANDS.map((name) => `img:${name}`), 'image-io'];
}

export class ReferenceTools implements ToolPart {
  readonly formatName: string;
  readonly #storage: Storage;

  /** @param format of the case: 'raw' or 'overlay' */
  constructor(storage: Storage, directory: string, format: string) {
    this.#storage = new InDirectory(storage, directory);
    this.formatName = format === 'overlay' ? OVERLAY_FORMAT : format;
  }

  async run(tool: 'img' | 'io', args: readonly string[], input: string): Promise<ToolOutcome> {
    return runTool(this.#storage, { tool, args, input });
  }
}

/** Runs a tool of the reference in `directory` of a storage. */
export function runReferenceTool(storage: Storage, directory: string, call: ToolCall): ToolOutcome {
  return runTool(new InDirectory(storage, directory), call);
}

function runTool(storage: Storage, { tool, args, input }: ToolCall): ToolOutcome {
  const said = { stdout: '', stderr: '' };
  const lines = input.split('\n').slice(0, -1);
  const world: ToolWorld = {
    storage,
    makeHash: nodeSha256,
    stdout: (text) => {
      said.stdout += text;
    },
    stderr: (text) => {
      said.stderr += text;
    },
    readLine: () => lines.shift(),
    isTerminal: false,
  };
  const code = tool === 'img' ? runImg(args, world) : runIo(args, world);
  return { code, ...said };
}

/** All that an image shows, if it opens and can be read; else null. */
export function readReferenceImage(
  storage: Storage,
  directory: string,
  name: string,
  format: string,
): Uint8Array | null {
  const machine = new Machine({ storage: new InDirectory(storage, directory), makeHash: nodeSha256 });
  try {
    const node = openImage(machine, name, { format, forceShare: true });
    try {
      const bytes = machine.io(node.name, {
        op: 'read',
        offset: 0,
        length: node.size,
        into: new Uint8Array(node.size),
      });
      return typeof bytes === 'string' ? null : bytes;
    } finally {
      closeImage(machine, node);
    }
  } catch (error) {
    if (error instanceof OpenImageError) return null;
    throw error;
  }
}

/** A storage as it is seen by a program with a current directory: there relative names begin, and it shows no other. */
class InDirectory implements Storage {
  readonly #storage: Storage;
  readonly #directory: string;

  constructor(storage: Storage, directory: string) {
    this.#storage = storage;
    this.#directory = directory;
  }

  open(name: string, mode?: OpenMode): StorageFile {
    return this.#asked(name, (path) => this.#storage.open(path, mode));
  }

  /** Files in memory need no directories, but programs expect that these are there before a file is made in them. */
  create(name: string): StorageFile {
    return this.#asked(name, (path) => {
      const parent = path.slice(0, path.lastIndexOf('/'));
      if (parent !== this.#directory && this.#storage.kind(parent) === null)
        throw new StorageError('ENOENT', path);
      return this.#storage.create(path);
    });
  }

  kind(name: string): FileKind | null {
    return this.#asked(name, (path) => this.#storage.kind(path));
  }

  rename(from: string, to: string): void {
    this.#asked(from, (path) => this.#storage.rename(path, this.#path(to)));
  }

  remove(name: string): void {
    this.#asked(name, (path) => this.#storage.remove(path));
  }

  flushDirectory(name: string): void {
    this.#asked(name, (path) => this.#storage.flushDirectory(path));
  }

  resolve(from: string, name: string): string {
    return this.#storage.resolve(from, name);
  }

  identity(name: string): string {
    return this.#asked(name, (path) => this.#storage.identity(path));
  }

  #path(name: string): string {
    return name.startsWith('/') ? name : `${this.#directory}/${name}`;
  }

  /** A refusal names the file as it was asked for. */
  #asked<T>(name: string, ask: (path: string) => T): T {
    try {
      return ask(this.#path(name));
    } catch (error) {
      throw error instanceof StorageError ? new StorageError(error.errno, name) : error;
    }
  }
}
