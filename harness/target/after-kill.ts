/**
 * What is left to do when this process is killed in a way that it cannot handle, SIGKILL above all: a shell waits for the end
 * of its input, which is our end, and then kills the process groups and removes the directories that it was told of.
 */
import { type ChildProcess, spawn } from 'node:child_process';

/** POSIX sh; each line says what is there (`+`) or is gone (`-`): a process group by its id, or a directory by its path. */
export const SCRIPT = `
trap '' INT TERM HUP
while IFS= read -r line; do
  what=\${line#?}
  case $line in
    +*) set -- "$@" "$what" ;;
    *) for one do shift; [ "$one" = "$what" ] || set -- "$@" "$one"; done ;;
  esac
done
for one do
  case $one in
    /*) rm -rf -- "$one" ;;
    *) kill -s KILL -- "-$one" ;;
  esac
done
`;

/** One such shell, for as long as there is anything to be told of. */
export class AfterKill {
  #shell: ChildProcess | null = null;
  readonly #there = new Set<string>();

  /** @param what the id of a process group, or the absolute path of a directory */
  add(what: number | string): void {
    if (String(what).includes('\n')) return; // no line can say it
    this.#there.add(String(what));
    this.#shell ??= startShell();
    this.#tell(`+${what}`);
  }

  remove(what: number | string): void {
    if (!this.#there.delete(String(what))) return;
    this.#tell(`-${what}`);
    if (this.#there.size > 0) return;
    this.#shell?.stdin?.end();
    this.#shell = null;
  }

  #tell(line: string): void {
    this.#shell?.stdin?.write(`${line}\n`);
  }
}

function startShell(): ChildProcess {
  const shell = spawn('/bin/sh', ['-c', SCRIPT], {
    stdio: ['pipe', 'ignore', 'ignore'],
    // What is sent to our group must not reach it; and it must hold no directory.
    detached: true,
    cwd: '/',
  });
  // Where there is no such shell, or somebody killed it, SIGKILL leaves what it leaves.
  shell.on('error', () => {});
  shell.stdin!.on('error', () => {});
  shell.unref();
  (shell.stdin as unknown as { unref(): void }).unref();
  return shell;
}
