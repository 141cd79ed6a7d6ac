/** A medium that a command opens by its file name, for a device. spec/block/DEVICES.md, REF-140. */
import { BlockError } from '../../block/errors.js';
import type { Node } from '../../block/node.js';
import type { Machine } from '../machine.js';
import { openNode } from '../open/open.js';
import { pathOf } from './new-image.js';
import { probe } from './target.js';

export interface Medium {
  /** its name, which may begin with a protocol */
  readonly file: string;
  /** default: what it looks like */
  readonly format: string | undefined;
  readonly readOnly: boolean;
}

/**
 * Its node, under a name that nobody can ask for. Whoever called holds it by `pinned`.
 * @throws BlockError, QbmError, StorageError; then nothing is left
 */
export function openMedium(machine: Machine, { file, format: given, readOnly }: Medium): Node {
  const path = pathOf(file);
  const format = given ?? probe(machine, path);
  const below =
    path === null ? ({ driver: 'null-co' } as const) : ({ driver: 'file', filename: path } as const);
  const common = { 'read-only': readOnly } as const;
  let node: Node;
  if (format === 'qbm' || format === 'raw')
    node = openNode(machine, { ...common, driver: format, file: below }, undefined);
  else if (format === below.driver) node = openNode(machine, { ...common, ...below }, undefined);
  else throw new BlockError('REF-E-DRIVER', { driver: format });
  node.pinned += 1;
  return node;
}
