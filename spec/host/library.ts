/** The C library, for the few calls that Node does not have: through koffi where it is installed (it is optional), on Linux. */
import { createRequire } from 'node:module';

export interface Library {
  // koffi has no type for a function that is declared by text.
  readonly library: { func(declaration: string): unknown };
  /** why the last call failed */
  readonly errno: () => number;
}

const MACHINES: readonly string[] = ['x64', 'arm64', 'riscv64', 'ppc64', 'loong64'];

/** Null where it is not to be had. Loading koffi costs 10 ms, so it is not done before somebody asks. */
export function loadLibrary(): Library | null {
  if (process.platform !== 'linux' || !MACHINES.includes(process.arch)) return null;
  try {
    const koffi = createRequire(import.meta.url)('koffi');
    return { library: koffi.load(null), errno: () => koffi.errno() };
  } catch {
    // Not installed, or not for this machine.
    return null;
  }
}
