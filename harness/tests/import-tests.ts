/**
 * Loads test files into this process. The runner of tap costs a second or more a file, so it is given one entry an
 * area (`spec.ts`, `targets.ts`, `fuzz.ts`, `harness.ts` beside this), and an entry finds the files itself: none can be forgotten.
 */
import { readdirSync } from 'node:fs';
import { join, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** The root of the compiled tree: dist/. */
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The test files below `folder` of the compiled tree, without those below any of `except`. */
export function testsIn(folder: string, except: readonly string[] = []): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((name) => name.endsWith('.test.js'))
    .filter((name) => !except.some((one) => name.startsWith(join(one, sep))))
    .sort();
}

export async function importTests(folder: string, except: readonly string[] = []): Promise<void> {
  for (const name of testsIn(folder, except)) await import(pathToFileURL(join(ROOT, name)).href);
}
