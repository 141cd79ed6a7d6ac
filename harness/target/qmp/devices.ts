/**
 * Drives and devices of a QEMU that has a machine: how a case makes a drive, when a device that was asked to go has
 * gone, and how all of them go when the case is over.
 */
import { isJsonObject, type JsonObject } from '../../../spec/json/value.js';
import type { Reply } from '../target.js';
import type { QmpClient } from './client.js';

/** Commands after which devices may be on their way out. */
export const UNPLUGS: ReadonlySet<string> = new Set(['device_del', 'system_reset']);

/** Where QEMU has the devices that were added. */
const PLACES = ['/machine/peripheral', '/machine/peripheral-anon'];

/** Options of a drive as they stand on a command line; `file` are those of its file. */
export type DriveOptions = Readonly<Record<string, string | number | boolean>>;

/** Makes a drive, by the monitor for people: QMP has no command for it. @throws TargetFault */
export async function addDrive(
  qmp: QmpClient,
  id: string,
  options: DriveOptions,
  limitMs: number,
): Promise<Reply> {
  const all = Object.entries({ if: 'none', id, ...options });
  const text = all.map(([name, value]) => `${name}=${shown(value).replaceAll(',', ',,')}`).join(',');
  const quoted = `"${text.replace(/[\\"]/g, '\\$&')}"`;
  const said = await human(qmp, `drive_add 0 ${quoted}`, limitMs);
  return said === 'OK' ? { return: {} } : { error: { class: 'GenericError', desc: said.split('\r\n')[0]! } };
}

function shown(value: string | number | boolean): string {
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  return String(value);
}

/** What the monitor for people answers, without the line break at its end. */
async function human(qmp: QmpClient, line: string, limitMs: number): Promise<string> {
  const said = await qmp.demand('human-monitor-command', { 'command-line': line }, limitMs);
  return String(said).replace(/\r\n$/, '');
}

/** Runs a command, and waits until the devices that went because of it have gone, with their events. @throws TargetFault */
export async function executeUnplug(
  qmp: QmpClient,
  command: string,
  args: JsonObject | undefined,
  limitMs: number,
): Promise<Reply> {
  let reply: Reply | undefined;
  const cause = async (): Promise<boolean> => {
    reply = await qmp.execute(command, args, limitMs);
    return 'return' in reply && command === 'system_reset';
  };
  await qmp.causing(({ event }) => event === 'RESET', 'RESET', limitMs, cause);
  await settle(qmp, limitMs);
  return reply!;
}

/**
 * What has to do with a device lasts until QEMU's threads have all taken notice of its end (RCU). Nothing tells us when
 * that is, but device_add waits for it, whatever becomes of the device.
 */
async function settle(qmp: QmpClient, limitMs: number): Promise<void> {
  await qmp.execute('device_add', { driver: 'qbm-own-none' }, limitMs);
}

/** Removes all devices and drives. @throws TargetFault */
export async function removeDevices(qmp: QmpClient, limitMs: number): Promise<void> {
  let isAny = false;
  for (const path of PLACES) {
    const children = await qmp.demand('qom-list', { path }, limitMs);
    for (const child of Array.isArray(children) ? children.filter(isJsonObject) : []) {
      if (!String(child.type).startsWith('child<')) continue;
      isAny = true;
      await qmp.execute('device_del', { id: `${path}/${String(child.name)}` }, limitMs);
    }
  }
  if (isAny) await executeUnplug(qmp, 'system_reset', undefined, limitMs);
  const drives = await qmp.demand('query-block', undefined, limitMs);
  for (const drive of Array.isArray(drives) ? drives.filter(isJsonObject) : []) {
    await human(qmp, `drive_del ${String(drive.device)}`, limitMs);
  }
}
