/** How a point in time is made and ended, in each of the forms; and the servers that can. spec/block/FLEECING.md. */
import { randomFillSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { Daemon } from '../../../spec/host/daemon/daemon.js';
import { DirectoryStorage } from '../../../spec/host/directory-storage.js';
import { type Json, type JsonObject, jsonObject } from '../../../spec/json/value.js';
import { Refusal } from '../../../spec/refusal.js';
import { packageRoot } from '../../cli/environment.js';
import { runProgram } from '../../target/img/tools.js';
import { type DaemonKind, DaemonProcess, LIMIT_MS, until } from '../daemon-for-tests.js';
import { CLUSTER } from './storm.js';

/** `filter`: a snapshot-access node over a copy-before-write node. `backup`: an overlay that a backup with sync=none fills. */
export type Form = 'filter' | 'backup';

/** Something that takes QMP commands, in whose directory everything is. */
export interface Ground {
  readonly directory: string;
  /** of its NBD server */
  readonly socket: string;
  readonly format: 'qbm' | 'qcow2';
  readonly tool: readonly string[];
  ask(command: string, args?: JsonObject): Promise<unknown>;
  destroy(): Promise<void>;
}

const QBM = [process.execPath, join(packageRoot(), 'dist', 'harness', 'cli', 'main.js')];
/** Not a whole number of clusters. */
export const SIZE = 128 * CLUSTER + 512;

const DISK: readonly JsonObject[] = [
  jsonObject({ driver: 'file', 'node-name': 'f', filename: 'disk', discard: 'unmap' }),
  jsonObject({ driver: 'raw', 'node-name': 'disk', file: 'f', discard: 'unmap' }),
];

/** A disk with data, zeros and holes, and a program that has it open as the node `disk`, with a server that listens. */
export async function ground(
  kind: DaemonKind | 'in process',
  directory: string,
  programs?: string,
): Promise<Ground> {
  const content = Buffer.alloc(SIZE);
  for (let at = 0; at < SIZE; at += 3 * CLUSTER)
    randomFillSync(content, at, Math.min(CLUSTER * 1.5, SIZE - at));
  writeFileSync(join(directory, 'disk'), content);
  if (kind === 'in process') return inProcess(directory);
  const options = [
    ...DISK.flatMap((options) => ['--blockdev', JSON.stringify(options)]),
    ...['--nbd-server', 'addr.type=unix,addr.path=nbd,max-connections=0'],
  ];
  const daemon = await DaemonProcess.start({ kind, programs }, directory, ...options);
  return {
    directory,
    socket: daemon.socket,
    format: kind === 'qbm' ? 'qbm' : 'qcow2',
    tool: kind === 'qbm' ? [...QBM, 'img'] : ['qemu-img'],
    ask: (command, args) => daemon.ask(command, args),
    destroy: () => daemon.destroy(),
  };
}

/** The reference in this process, with a server on a socket. */
async function inProcess(directory: string): Promise<Ground> {
  const storage = new DirectoryStorage(directory, { followLinks: true });
  const daemon = new Daemon({ storage, version: jsonObject({}), complain: () => {} });
  const ask = async (name: string, args: JsonObject = jsonObject({})): Promise<unknown> => {
    try {
      return daemon.machine.execute({ name, arguments: args });
    } catch (error) {
      if (error instanceof Refusal) return { desc: error.message };
      throw error;
    } finally {
      daemon.work();
      await turn();
    }
  };
  const socket = join(directory, 'nbd');
  await daemon.startNbd({ type: 'unix', data: { path: socket } }, 0);
  for (const options of DISK) await ask('blockdev-add', options);
  return { directory, socket, format: 'qbm', tool: [...QBM, 'img'], ask, destroy: () => daemon.shutDown(0) };
}

export interface Moment {
  /** the exports: where guests write, and where what was there is read */
  readonly guest: string;
  readonly moment: string;
  end(): Promise<void>;
}

/** Makes a point in time of `disk`; `number` is another one each time. */
export async function makeMoment(on: Ground, form: Form, number: number): Promise<Moment> {
  return form === 'filter' ? byFilter(on, number) : byBackup(on, number);
}

async function byFilter(on: Ground, number: number): Promise<Moment> {
  writeFileSync(join(on.directory, `t${number}`), Buffer.alloc(SIZE, number));
  await demand(on, 'blockdev-add', { driver: 'file', 'node-name': 'target', filename: `t${number}` });
  const filter = { driver: 'copy-before-write', 'node-name': 'filter', file: 'disk', target: 'target' };
  await demand(on, 'blockdev-add', { ...filter, discard: 'unmap' });
  await demand(on, 'blockdev-add', { driver: 'snapshot-access', 'node-name': 'moment', file: 'filter' });
  await addExport(on, 'guest', 'filter', true);
  await addExport(on, 'moment', 'moment', false);
  const end = async (): Promise<void> => {
    for (const id of ['moment', 'guest']) await dropExport(on, id);
    for (const name of ['moment', 'filter', 'target'])
      await demand(on, 'blockdev-del', { 'node-name': name });
  };
  return { guest: 'guest', moment: 'moment', end };
}

async function byBackup(on: Ground, number: number): Promise<Moment> {
  const name = `t${number}.${on.format}`;
  const words = [...on.tool, 'create', '-f', on.format, '-b', 'disk', '-F', 'raw', name, String(SIZE)];
  const made = await runProgram(words, { cwd: on.directory, limitMs: LIMIT_MS });
  if (made.code !== 0) throw new Error(`${words.join(' ')}: ${made.stderr}`);
  const file = jsonObject({ driver: 'file', filename: name });
  await demand(on, 'blockdev-add', { driver: on.format, 'node-name': 'target', file, backing: 'disk' });
  // The job puts its filter between them.
  await addExport(on, 'guest', 'disk', true);
  const job = { 'job-id': 'fleecing', device: 'disk', target: 'target', sync: 'none', 'auto-dismiss': false };
  await demand(on, 'blockdev-backup', job);
  await addExport(on, 'moment', 'target', false);
  const end = async (): Promise<void> => {
    await demand(on, 'block-job-cancel', { device: 'fleecing' });
    await until('the job is concluded', async () =>
      JSON.stringify(await on.ask('query-jobs')).includes('"concluded"'),
    );
    await demand(on, 'job-dismiss', { id: 'fleecing' });
    for (const id of ['moment', 'guest']) await dropExport(on, id);
    await demand(on, 'blockdev-del', { 'node-name': 'target' });
  };
  return { guest: 'guest', moment: 'moment', end };
}

async function addExport(on: Ground, id: string, node: string, isWritable: boolean): Promise<void> {
  const where = { type: 'nbd', id, name: id, 'node-name': node, writable: isWritable };
  await demand(on, 'block-export-add', where);
}

/** Until it is gone: what it held is free then. */
async function dropExport(on: Ground, id: string): Promise<void> {
  await demand(on, 'block-export-del', { id, mode: 'hard' });
  await until(
    `${id} is gone`,
    async () => !JSON.stringify(await on.ask('query-block-exports')).includes(`"${id}"`),
  );
}

/** @throws Error when the command is refused */
async function demand(on: Ground, command: string, args: { readonly [name: string]: Json }): Promise<void> {
  const reply = (await on.ask(command, jsonObject(args))) as { readonly desc?: string };
  if (reply?.desc !== undefined) throw new Error(`${command} ${JSON.stringify(args)}: ${reply.desc}`);
}
