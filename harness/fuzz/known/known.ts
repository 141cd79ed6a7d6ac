/** The known triggers, each with the case that shows it. */
import { isJsonObject, type JsonObject } from '../../../spec/json/value.js';
import type { Action } from '../../case/case.js';
import type { ModelRun } from '../draw/model-run.js';
import type { Trigger } from './trigger.js';

const QEMU = /^qemu-/;

/** The arguments of a command, and of every action of a transaction, with their names. */
function* commandsOf(action: Action): Generator<{ readonly name: string; readonly args: JsonObject }> {
  if (action.verb !== 'qmp') return;
  const args = action.arguments ?? {};
  if (action.command !== 'transaction') yield { name: action.command, args };
  else if (Array.isArray(args.actions)) {
    for (const one of args.actions) {
      if (isJsonObject(one) && isJsonObject(one.data ?? null)) {
        yield { name: String(one.type), args: one.data as JsonObject };
      }
    }
  }
}

function some(action: Action, meets: (name: string, args: JsonObject) => boolean): boolean {
  for (const { name, args } of commandsOf(action)) if (meets(name, args)) return true;
  return false;
}

/** Whether a request leaves the disk, or writes where nobody may. */
function isRefusedRequest(run: ModelRun, action: Action): boolean {
  if (action.verb !== 'io' || action.request.op === 'flush') return false;
  const node = run.machine.graph.find(action.node);
  if (node === undefined) return false;
  const { op, offset, length } = action.request;
  return offset + length > node.size || (op !== 'read' && node.readOnly);
}

export const KNOWN: readonly Trigger[] = [
  {
    name: 'merge without sources',
    shownBy: 'merge-empty-list',
    programs: QEMU,
    before: (_, action) =>
      some(
        action,
        (name, { bitmaps }) => name.endsWith('-merge') && Array.isArray(bitmaps) && bitmaps.length === 0,
      ),
  },
  {
    name: 'enable that is refused in a transaction',
    shownBy: 'enable-of-unknown-bitmap',
    programs: QEMU,
    refused: (_, action, { id }) =>
      action.verb === 'qmp' &&
      action.command === 'transaction' &&
      id !== 'TXN-E-ABORT' &&
      some(action, (name) => name.endsWith('-enable')),
  },
  {
    name: 'request that is refused over NBD',
    shownBy: 'requests-past-the-end',
    programs: QEMU,
    before: isRefusedRequest,
  },
];
