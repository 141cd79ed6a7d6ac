/** NBD servers where no client of a history could find them: whether the machine has such a place is luck. */
import { isJsonObject } from '../../../spec/json/value.js';
import { checkAddress, type NbdAddress } from '../../../spec/nbd/address.js';
import { NbdError } from '../../../spec/nbd/errors.js';
import type { Action } from '../../case/case.js';
import type { ModelRun } from './model-run.js';

/** Whether the step may start a server elsewhere than at a socket in the directory of the history. */
export function listensElsewhere({ machine: { exports } }: ModelRun, action: Action): boolean {
  if (action.verb !== 'qmp' || action.command !== 'nbd-server-start' || exports.isServing) return false;
  const { addr = null } = action.arguments ?? {};
  if (!isJsonObject(addr) || !isJsonObject(addr.data ?? null)) return false;
  const address = addr as unknown as NbdAddress;
  if (address.type === 'unix') return (address.data as { readonly abstract?: boolean }).abstract === true;
  try {
    checkAddress(address);
    return true;
  } catch (refusal) {
    if (!(refusal instanceof NbdError)) throw refusal;
    return false;
  }
}
