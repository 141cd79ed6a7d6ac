/** How images are called by others: as a backing file, and by people who mean one of a chain. CHAINS.md, REF-033, REF-034, REF-045. */
import { type ImageRef, imageRef } from '../../qbm/descriptor.js';
import { BlockError } from '../errors.js';
import type { Node } from '../node.js';
import { imageOf, skipImplicit } from './walk.js';

/** What the descriptor `from` calls the image of `node`: without the directory, if it is beside it. @throws BlockError REF-E-BACKING-NAME */
export function refOf(asked: Node, node: Node, from: string): ImageRef {
  const file = node.edge('file');
  const isWhole = node.driver.name === 'raw' && file?.use === 'filtered';
  // The whole of a node reads as that node does.
  if (isWhole && file.child.driver.name !== 'file') return refOf(asked, file.child, from);
  if (file?.child.driver.name !== 'file' || (node.driver.name !== 'qbm' && !isWhole))
    throw new BlockError('REF-E-BACKING-NAME', { node: asked.name });
  const directory = directoryOf(from);
  const { filename } = file.child;
  const isBeside = filename.startsWith(directory) && !filename.slice(directory.length).startsWith('/');
  return imageRef(isBeside ? filename.slice(directory.length) : filename, node.driver.name);
}

/** Of an image that is opened as this node is. @throws BlockError REF-E-BACKING-NAME */
export function formatOf({ name, driver }: Node): string {
  if (driver.name === 'raw' || driver.name === 'file') return 'raw';
  if (driver.name === 'qbm') return 'qbm';
  throw new BlockError('REF-E-BACKING-NAME', { node: name });
}

/** The image below `top` that `name` means: as its overlay calls it, from where that is. REF-045 */
export function findByFile(top: Node, name: string): Node | null {
  for (let image = imageOf(top); ; ) {
    const { backing, driver } = image;
    if (backing === null) return null;
    const next = imageOf(backing);
    const stored = driver.backing?.stored ?? null;
    const isOverridden = (stored?.full ?? null) !== skipImplicit(backing).filename;
    const isSame = isOverridden
      ? name === next.filename
      : name === stored!.file || absolute(name, image) === absolute(stored!.full, image);
    if (isSame) return next;
    image = next;
  }
}

/** From the directory of the file of `image`. */
function absolute(name: string, image: Node): string {
  if (/^[a-z]+:/.test(name)) return name;
  const whole = name.startsWith('/') ? name : directoryOf(image.edge('file')?.child.filename ?? '') + name;
  const parts: string[] = [];
  for (const part of whole.split('/')) {
    if (part === '..' && parts.length > 0 && parts.at(-1) !== '..') parts.pop();
    else if (part !== '.' && (part !== '' || parts.length === 0)) parts.push(part);
  }
  return parts.join('/');
}

function directoryOf(filename: string): string {
  return filename.slice(0, filename.lastIndexOf('/') + 1);
}
