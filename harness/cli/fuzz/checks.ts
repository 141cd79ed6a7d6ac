/** What the subcommands about fuzzing check of paths they are given, and how they tell of what is damaged. */
import { existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Warn } from '../../fuzz/campaign/read/json.js';
import { type Environment, UsageError } from '../environment.js';

/** Warnings on stderr, each once. */
export function warnings({ stderr }: Pick<Environment, 'stderr'>): Warn {
  const told = new Set<string>();
  return (line) => {
    if (told.has(line)) return;
    told.add(line);
    stderr.write(`qbm: warning: ${line}\n`);
  };
}

/** @throws {UsageError} if there is something else than a directory, or nothing at all */
export function refuseOtherThanDirectory(path: string, what: string): void {
  if (!existsSync(path)) throw new UsageError(`${what}: there is no ${shown(path)}`);
  if (!statSync(path).isDirectory())
    throw new UsageError(`${what}: ${shown(path)} is a file, a directory was expected`);
}

/** The directory of a campaign that is there. @throws {UsageError} */
export function refuseOtherThanCampaign(path: string): void {
  if (!existsSync(path)) throw new UsageError(`there is no campaign in ${shown(path)}`);
  if (!statSync(path).isDirectory())
    throw new UsageError(`${shown(path)} is a file: the directory of a campaign was expected`);
}

/** A directory that is there or can be made. @throws {UsageError} if the path is empty or leads through a file */
export function refuseUnmakeable(path: string, option: string): void {
  if (path === '') throw new UsageError(`${option} is empty: the path of a directory was expected`);
  let above = path;
  while (!existsSync(above) && dirname(above) !== above) above = dirname(above);
  if (existsSync(above) && !statSync(above).isDirectory())
    throw new UsageError(`${option}: ${above} is a file, a directory was expected`);
}

/** A file that is there; or one that is to be made, in a directory that is there. @throws {UsageError} */
export function refuseOtherThanFile(path: string, option: string, mayBeNew: boolean): void {
  if (existsSync(path)) {
    if (statSync(path).isDirectory())
      throw new UsageError(`${option}: ${path} is a directory, a file was expected`);
    return;
  }
  if (path === '' || !mayBeNew) throw new UsageError(`${option}: there is no ${shown(path)}`);
  refuseOtherThanDirectory(dirname(path), option);
}

function shown(path: string): string {
  return path === '' ? '""' : path;
}
