/** One case on a program that speaks QMP. */
import type { JsonObject } from '../../../spec/json/value.js';
import { writeJson } from '../../../spec/json/write.js';
import type { NbdClient } from '../../nbd/client.js';
import { firstOther } from '../pattern.js';
import {
  type CaseContext,
  type IoOutcome,
  type IoRequest,
  type NodeObservation,
  type OpenOptions,
  type Reply,
  type Session,
  TargetFault,
  type ToolPart,
} from '../target.js';
import { BITMAP_COMMANDS, isAboutBitmaps } from './bitmap-commands.js';
import { addDrive, type DriveOptions, executeUnplug, UNPLUGS } from './devices.js';
import {
  type Below,
  bytesOf,
  imageName,
  makeOverlay,
  makeSparse,
  pathOf,
  type StoredBacking,
} from './images.js';
import { QmpNbd, socketPath } from './nbd-part.js';
import { observeNode } from './observe-node.js';
import type { Resident } from './resident.js';

/** Commands that neither disturb an export which is kept open nor show it. Before any other one it is closed. */
const BESIDE_EXPORTS: ReadonlySet<string> = new Set([
  ...BITMAP_COMMANDS,
  'query-block',
  'query-block-jobs',
  'query-blockstats',
  'query-commands',
  'query-jobs',
  'query-named-block-nodes',
  'query-qmp-schema',
  'query-status',
  'query-version',
  'x-debug-block-dirty-bitmap-sha256',
]);

/** Commands whose effects can all be seen and undone when the case ends. After any other one the program is restarted. */
const UNDOABLE =
  /^(query-.*|x-debug-.*|block-dirty-bitmap-.*|block-export-.*|nbd-server-.*|block-(commit|stream)|blockdev-(add|backup|del|mirror|reopen|snapshot|snapshot-sync)|change-backing-file|block_resize|transaction|eject|blockdev-.*-(tray|medium)|object-(add|del)|device_add|device_del|system_reset|blockdev-create|job-.*|block-job-.*)$/;

/** What the session tells its target when the case is over. */
export type Leftover = 'clean' | 'dirty';

export class QmpSession implements Session {
  readonly tools?: ToolPart;
  readonly nbd: QmpNbd;
  readonly #resident: Resident;
  readonly #context: CaseContext;
  readonly #ended: (left: Leftover) => Promise<void>;
  /** what the processes before the present one printed, since the case began */
  #printedEarlier = '';
  #printedBefore: number;
  #isUndoable = true;
  #hasServer = false;
  /** that the case has made */
  readonly #objects = new Set<string>();
  /** by the node that a step made on it: what another image may name as its backing file */
  readonly #images = new Map<string, StoredBacking>();
  #fault: TargetFault | null = null;
  #isOver = false;

  constructor(
    resident: Resident,
    context: CaseContext,
    tools: ToolPart | undefined,
    ended: (left: Leftover) => Promise<void>,
  ) {
    this.#resident = resident;
    if (tools !== undefined) this.tools = tools;
    this.#context = context;
    this.#ended = ended;
    this.#printedBefore = resident.child.printed;
    const release = () => this.#guarded(() => resident.exports.release(context.limitMs));
    this.nbd = new QmpNbd(resident.directory, release, context.limitMs);
  }

  get directory(): string {
    return this.#resident.directory;
  }

  async bytes(name: string): Promise<Uint8Array | null> {
    return bytesOf(pathOf(this.directory, name));
  }

  async create(name: string, size: number): Promise<void> {
    await makeSparse(pathOf(this.directory, name), size);
  }

  async open(node: string, options: OpenOptions): Promise<Reply> {
    return this.#guarded(() => this.#open(node, options));
  }

  async drive(id: string, readOnly: boolean): Promise<Reply> {
    const { qmp } = this.#resident;
    return this.#guarded(() => addDrive(qmp, id, { 'read-only': readOnly }, this.#context.limitMs));
  }

  async qmp(command: string, args: JsonObject | undefined): Promise<Reply> {
    return this.#guarded(async () => {
      await this.#prepareFor(command, args);
      const { qmp, hasDevices } = this.#resident;
      const { limitMs } = this.#context;
      if (hasDevices && UNPLUGS.has(command)) return executeUnplug(qmp, command, args, limitMs);
      const reply = await qmp.execute(command, args, limitMs);
      if ('return' in reply) this.#noteServer(command, args);
      if (command === 'object-add') this.#objects.add(String(args?.id));
      return reply;
    });
  }

  async qmpText(text: string): Promise<Reply> {
    return this.#guarded(async () => {
      for (const command of commandsIn(text)) await this.#prepareFor(command, undefined);
      return this.#resident.qmp.sendText(text, this.#context.limitMs);
    });
  }

  async io(node: string, request: IoRequest): Promise<IoOutcome> {
    return this.#guarded(async () => {
      const { volatileNodes, limitMs } = this.#context;
      const keep = !volatileNodes.has(node);
      const outcome = await this.#resident.exports.use(node, keep, limitMs, (nbd) => perform(nbd, request));
      // The guest of a node that cannot be exported (or is not there) has no device.
      return 'error' in outcome || 'return' in outcome ? { errno: 'ENODEV' } : outcome;
    });
  }

  async observe(node: string): Promise<NodeObservation | Reply> {
    return this.#guarded(() => observeNode(this.#resident, node, this.#context.limitMs));
  }

  async restart(how: 'quit' | 'kill'): Promise<void> {
    return this.#guarded(async () => {
      const { child } = this.#resident;
      await this.#resident.restart(how, this.#context.limitMs);
      this.#printedEarlier += child.stderr(this.#printedBefore);
      this.#printedBefore = 0;
      this.#isUndoable = true;
      this.#hasServer = false;
    });
  }

  events(): JsonObject[] {
    return this.#resident.qmp.takeEvents();
  }

  async moreEvents(): Promise<boolean> {
    await this.#guarded(() => this.#resident.qmp.moreEvents(this.#context.limitMs));
    return true;
  }

  get formatDriver(): string {
    return this.#context.format === 'overlay' ? this.#resident.overlayDriver : 'raw';
  }

  stderr(): string {
    return this.#printedEarlier + this.#resident.child.stderr(this.#printedBefore);
  }

  async end(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#fault !== null || !this.#isUndoable) return this.#ended('dirty');
    let isClean = false;
    try {
      isClean = await this.#guarded(async () => {
        const { limitMs } = this.#context;
        if (this.#hasServer) await this.#resident.exports.stopServerOfCase(limitMs);
        return (await this.#resident.clean(limitMs)) && (await this.#removeObjects());
      });
    } finally {
      await this.#ended(isClean ? 'clean' : 'dirty');
    }
  }

  /** `policy` has no effect: qcow2 stores bitmaps when it is closed, and raw never. */
  async #open(
    node: string,
    { size, driver, readOnly = false, discard = 'unmap', backing, device }: OpenOptions,
  ): Promise<Reply> {
    const { qmp, exports } = this.#resident;
    const { limitMs } = this.#context;
    await exports.release(limitMs);
    const common: JsonObject = { 'node-name': node, discard, 'read-only': readOnly };
    if (driver === 'null-co') {
      const null_ = { size: size!, 'read-zeroes': true };
      if (device !== undefined) return addDrive(qmp, device, { driver, ...common, ...typed(null_) }, limitMs);
      const options = { driver, ...common, ...null_ };
      return qmp.execute('blockdev-add', options, limitMs);
    }
    const path = pathOf(this.directory, imageName(node));
    if (size !== undefined) {
      const below = this.#images.get(backing ?? '') ?? null;
      this.#images.set(node, { file: path, format: this.formatDriver });
      const made = await this.#makeImage(path, size, {
        backing: below,
        mayHaveBacking: backing !== undefined,
      });
      if ('error' in made) return made;
    }
    const file = { driver: 'file', filename: path, 'node-name': `${node}-file` };
    if (backing !== undefined) common.backing = backing;
    // Images of the harness name what is below them with its directory: it vouches for them (QBM-040).
    const trust = this.formatDriver === 'qbm' ? { trusted: true } : {};
    const above = { driver: this.formatDriver, ...trust, ...common };
    if (device !== undefined) {
      const below = Object.entries(file).map(([name, value]) => [`file.${name}`, value]);
      const options = { ...above, ...Object.fromEntries(below) };
      const { backing: _, ...others } = options;
      const given = backing === null ? { ...others, ...typed({ backing }) } : options;
      return addDrive(qmp, device, given as DriveOptions, limitMs);
    }
    const options = { ...above, file };
    return qmp.execute('blockdev-add', options, limitMs);
  }

  async #makeImage(path: string, size: number, below: Below): Promise<Reply> {
    const { format, limitMs } = this.#context;
    if (format === 'overlay')
      return makeOverlay(this.#resident.qmp, this.formatDriver, { path, size, ...below }, limitMs);
    await makeSparse(path, size);
    return { return: {} };
  }

  /** Gets what the harness has on the target out of a command's way. */
  async #prepareFor(command: string, args: JsonObject | undefined): Promise<void> {
    if (BESIDE_EXPORTS.has(command) || (command === 'transaction' && isAboutBitmaps(args))) return;
    const isThread = command === 'object-add' && args?.['qom-type'] !== 'throttle-group';
    if (isThread || !UNDOABLE.test(command)) this.#isUndoable = false;
    const { exports } = this.#resident;
    if (command.startsWith('nbd-server-')) {
      this.#hasServer = true;
      await exports.stopServing(this.#context.limitMs);
    } else if (command === 'block-export-add') {
      // Without a server of the case there is none that it could use.
      await exports.stopServing(this.#context.limitMs);
    } else await exports.release(this.#context.limitMs);
  }

  /** There is one server, ours or that of the case. */
  #noteServer(command: string, args: JsonObject | undefined): void {
    if (command === 'nbd-server-start') this.#resident.exports.useServerOfCase(socketPath(args));
    if (command === 'nbd-server-stop') this.#resident.exports.useServerOfCase(null);
  }

  /** They go after the nodes that refer to them. @returns whether they have gone */
  async #removeObjects(): Promise<boolean> {
    for (const id of this.#objects) {
      const reply = await this.#resident.qmp.execute('object-del', { id }, this.#context.limitMs);
      if ('error' in reply && !/not found/.test(reply.error.desc)) return false;
    }
    return true;
  }

  /** Turns any fault into what it means for the program, and remembers it. */
  async #guarded<T>(action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      const meant = await this.#resident.explain(error);
      if (meant instanceof TargetFault) this.#fault ??= meant;
      throw meant;
    }
  }
}

/** On a command line all options are texts, and null is none, but in a name that is JSON. */
function typed(options: JsonObject): DriveOptions {
  return { file: `json:${writeJson(options)}` };
}

/** The commands that a text may execute, which need not be JSON as a whole; with escapes in it, it may be any. */
function commandsIn(text: string): string[] {
  if (text.includes('\\')) return [''];
  return [...text.matchAll(/["'](?:execute|exec-oob)["']\s*:\s*["']([^"']*)["']/g)].map(
    ([, command]) => command!,
  );
}

async function perform(nbd: NbdClient, request: IoRequest): Promise<IoOutcome> {
  switch (request.op) {
    case 'read':
      return read(nbd, request.offset, request.length, request.pattern);
    case 'write':
      return outcome(
        await nbd.writePattern(request.offset, request.length, request.pattern, {
          fua: request.fua ?? false,
        }),
      );
    case 'zero':
      return outcome(
        await nbd.writeZeroes(request.offset, request.length, { unmap: request.unmap ?? false }),
      );
    case 'discard':
      return outcome(await nbd.trim(request.offset, request.length));
    case 'flush':
      return outcome(await nbd.flush());
  }
}

function outcome(errno: string | null): IoOutcome {
  return errno === null ? { ok: true } : { errno };
}

async function read(
  nbd: NbdClient,
  offset: number,
  length: number,
  pattern: number | undefined,
): Promise<IoOutcome> {
  let mismatch: { at: number; found: number } | null = null;
  const errno = await nbd.scan(offset, length, (at, bytes) => {
    const index = pattern === undefined ? -1 : firstOther(bytes, pattern);
    if (index !== -1) mismatch = { at: at + index, found: bytes[index]! };
    return mismatch === null;
  });
  if (errno !== null) return { errno };
  return mismatch === null ? { ok: true } : { mismatch };
}
