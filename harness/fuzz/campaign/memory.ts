/** How much memory the children of this process have. On Linux only; elsewhere nobody is found to have too much. */
import { readdirSync, readFileSync } from 'node:fs';

/** Bytes of the largest child of this process, its own children with it; 0 if that cannot be known. */
export function largestChild(): number {
  return Math.max(0, ...childrenOf(process.pid).map(sizeWithChildren));
}

function sizeWithChildren(pid: number): number {
  return childrenOf(pid).reduce((sum, child) => sum + sizeWithChildren(child), residentSize(pid));
}

function childrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
    );
  } catch {
    return []; // it has gone, or this is not Linux
  }
}

function residentSize(pid: number): number {
  try {
    const [, kibibytes = '0'] =
      /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Number(kibibytes) * 1024;
  } catch {
    return 0;
  }
}
