/** `qbm daemon`: options are carried out in their order, then the daemon serves until it is told to end. */
import { writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { type Json, type JsonObject, jsonObject } from '../../json/value.js';
import { COMMANDS } from '../../qmp/command-table.js';
import { BlockdevOptions } from '../../qmp/commands/blockdev-options.js';
import { BlockExportOptions, NbdServerOptions } from '../../qmp/commands/export.js';
import { VERSION } from '../../qmp/commands/introspection.js';
import { QmpError } from '../../qmp/errors.js';
import { bool, enumeration, optional, str, struct, type Type } from '../../qmp/types.js';
import { Refusal } from '../../refusal.js';
import { DirectoryStorage } from '../directory-storage.js';
import { OpenImageError } from '../open-error.js';
import { Daemon } from './daemon.js';
import { HELP } from './help.js';
import { ListenError, reasonOf } from './listen.js';
import { type DaemonOption, optionArguments, optionJson, parseCommandLine, UsageError } from './options.js';

/** What the daemon needs of the process that it is in. */
export interface DaemonWorld {
  readonly stdin: NodeJS.ReadableStream;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: (text: string) => void;
  /** of this package */
  readonly version: string;
  /** aborted: somebody wants it to end */
  readonly stop: AbortSignal;
}

const NAME = 'qbm daemon';

const Chardev = struct('ChardevOptions', {
  backend: enumeration('ChardevBackendKind', ['stdio', 'socket']),
  id: str,
  path: optional(str),
  server: optional(bool),
  wait: optional(bool),
});

const MonitorOptions = struct('MonitorOptions', {
  chardev: str,
  mode: optional(enumeration('MonitorMode', ['control'])),
  pretty: optional(bool),
});

/** Serves until the end. Returns the exit code. */
export async function runDaemon(argv: readonly string[], world: DaemonWorld): Promise<number> {
  let shown = '';
  try {
    const line = parseCommandLine(argv);
    if ('print' in line) {
      world.stdout.write(line.print === 'help' ? HELP : `${NAME} version ${world.version}\n`);
      return 0;
    }
    const daemon = new Daemon({
      storage: new DirectoryStorage('.', { followLinks: true }),
      version: jsonObject({ ...(VERSION as unknown as JsonObject), package: `qbm ${world.version}` }),
      complain: (text) => world.stderr(`${NAME}: ${text}\n`),
    });
    const start = new Start(daemon, world);
    const stop = (): void => void daemon.shutDown(0);
    world.stop.addEventListener('abort', stop, { once: true });
    try {
      for (const option of line.run) {
        shown = `--${option.name} ${option.value}: `;
        await start.carryOut(option);
      }
      shown = '';
      await start.ready();
    } catch (error) {
      await daemon.shutDown(1);
      throw error;
    }
    return await daemon.end;
  } catch (error) {
    if (!isRefusal(error)) throw error;
    world.stderr(`${NAME}: ${shown}${error.message}\n`);
    return 1;
  }
}

function isRefusal(error: unknown): error is Error {
  const kinds = [UsageError, QmpError, Refusal, OpenImageError, ListenError];
  return kinds.some((kind) => error instanceof kind);
}

/** A place where a monitor may be. */
interface Chardev {
  readonly backend: 'stdio' | 'socket';
  readonly path: string;
  readonly isServer: boolean;
  /** of a server: nothing goes on before somebody has come */
  readonly waits: boolean;
  isUsed: boolean;
}

class Start {
  readonly #daemon: Daemon;
  readonly #world: DaemonWorld;
  readonly #chardevs = new Map<string, Chardev>();
  #pidfile: string | null = null;

  constructor(daemon: Daemon, world: DaemonWorld) {
    this.#daemon = daemon;
    this.#world = world;
  }

  async carryOut({ name, value }: DaemonOption): Promise<void> {
    switch (name) {
      case 'blockdev':
        this.#execute('blockdev-add', optionJson(BlockdevOptions, value, 'driver'));
        return;
      case 'export':
        this.#execute('block-export-add', optionJson(BlockExportOptions, value, 'type'));
        return;
      case 'object':
        this.#object(value);
        return;
      case 'nbd-server':
        return this.#nbdServer(value);
      case 'chardev':
        this.#chardev(value);
        return;
      case 'monitor':
        return this.#monitor(value);
      case 'pidfile':
        this.#pidfile = value;
    }
  }

  /** Everything is there. */
  async ready(): Promise<void> {
    if (this.#pidfile === null) return;
    try {
      writeFileSync(this.#pidfile, `${process.pid}\n`, { flag: 'w', mode: 0o644 });
    } catch (error) {
      throw new UsageError(`cannot create PID file '${this.#pidfile}': ${reasonOf(error)}`);
    }
  }

  #execute(name: string, args: Json): void {
    this.#daemon.machine.execute({ name, arguments: args as JsonObject });
  }

  #object(value: string): void {
    const command = COMMANDS.get('object-add');
    if (command === undefined) throw new UsageError('there are no objects here');
    this.#execute('object-add', optionJson(command.args as Type<unknown>, value, 'qom-type'));
  }

  async #nbdServer(value: string): Promise<void> {
    const options = optionArguments(NbdServerOptions, value, null);
    const { type, ...data } = options.addr;
    await this.#daemon.startNbd({ type, data }, options['max-connections']);
  }

  #chardev(value: string): void {
    const {
      id,
      backend,
      path = '',
      server = false,
      wait = true,
    } = optionArguments(Chardev, value, 'backend');
    if (this.#chardevs.has(id)) throw new UsageError(`Duplicate ID '${id}' for chardev`);
    if (backend === 'socket' && path === '') throw new UsageError("a socket needs a 'path'");
    if (backend === 'stdio' && [...this.#chardevs.values()].some((one) => one.backend === 'stdio')) {
      throw new UsageError('cannot use stdio by multiple character devices');
    }
    this.#chardevs.set(id, { backend, path, isServer: server, waits: server && wait, isUsed: false });
  }

  async #monitor(value: string): Promise<void> {
    const { chardev: id, pretty = false } = optionArguments(MonitorOptions, value, 'chardev');
    const chardev = this.#chardevs.get(id);
    if (chardev === undefined) throw new UsageError(`chardev "${id}" not found`);
    if (chardev.isUsed) throw new UsageError(`Device '${id}' is in use`);
    chardev.isUsed = true;
    if (chardev.backend === 'stdio') this.#daemon.serve(this.#world.stdin, this.#world.stdout, pretty);
    else if (chardev.isServer) await this.#serveSocket(chardev, pretty);
    else await this.#callSocket(chardev, pretty);
  }

  async #serveSocket({ path, waits }: Chardev, pretty: boolean): Promise<void> {
    const { came } = await this.#daemon.serveAt(path, pretty);
    if (!waits) return;
    this.#world.stderr(`${NAME}: info: waiting for connection on: ${path}\n`);
    await Promise.race([came, this.#daemon.end]);
  }

  async #callSocket({ path }: Chardev, pretty: boolean): Promise<void> {
    const socket = await new Promise<Socket>((resolve, reject) => {
      const calling = connect(path, () => resolve(calling));
      calling.once('error', (error) =>
        reject(new UsageError(`Failed to connect to '${path}': ${reasonOf(error)}`)),
      );
    });
    const session = this.#daemon.serve(socket, socket, pretty);
    socket.once('close', () => session.close());
  }
}
