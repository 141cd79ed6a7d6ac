/** The names of targets on the command line. */
import { AdapterTarget } from './adapter/adapter.js';
import { findInPath } from './find-program.js';
import { ImgTarget } from './img/img-target.js';
import { createQmpTarget } from './qmp/command-line.js';
import { createQemuSystemTarget, QEMU_SYSTEM_HINT, QEMU_SYSTEM_PROGRAM } from './qmp/qemu-system.js';
import { createQsdTarget, QSD_HINT, QSD_PROGRAM } from './qmp/qsd.js';
import {
  type CaseContext,
  type Identity,
  type Session,
  type Target,
  TargetFault,
  type Use,
} from './target.js';

export { findInPath } from './find-program.js';

/** A target as the user named it. Each call of `create` makes another one of its own, for a worker of its own. */
export interface TargetChoice {
  readonly name: string;
  readonly kind: Target['kind'];
  readonly create: (use?: Use) => Target;
}

export const TARGET_NAMES = `targets:
  reference          the specification itself, in this process
  qemu-system[@DIR]  ${QEMU_SYSTEM_PROGRAM}, from PATH or from DIR
  qsd[@DIR]          ${QSD_PROGRAM}, from PATH or from DIR
  qemu               short for those of the two above that are in PATH
  qmp:COMMAND        any program that speaks QMP on its stdin and stdout, or on the unix socket "{socket}"
  img:COMMAND        image tools by themselves: any program like qemu-img, and the one like qemu-io that is found by
                     putting "io" for the last "img" in the command
  adapter:COMMAND    any program that speaks the adapter protocol`;

/**
 * What a name on the command line stands for; `qemu` may stand for two.
 *
 * @throws Error with {@link TARGET_NAMES} for what is no name: a mistake of usage
 * @throws TargetFault `surroundings` when `qemu` finds none
 */
export function parseTargets(text: string): TargetChoice[] {
  if (text === 'qemu') return installed();
  return [parseTarget(text)];
}

/** As {@link parseTargets}, for a name that stands for one target. */
export function parseTarget(text: string): TargetChoice {
  const command = /^(qmp|img|adapter):(.*)$/s.exec(text);
  if (command !== null) return parseCommand(text, command[1] as keyof typeof COMMANDS, command[2]!);
  const [, program, directory] = /^([^@]*)(?:@(.+))?$/s.exec(text) ?? [];
  if (program === 'qsd') {
    return { name: text, kind: 'qsd', create: (use) => createQsdTarget(text, directory, use) };
  }
  if (program === 'qemu-system') {
    return { name: text, kind: 'qemu-system', create: (use) => createQemuSystemTarget(text, directory, use) };
  }
  if (text === 'reference') return { name: text, kind: 'reference', create: () => new ReferenceLater() };
  throw new Error(`no such target: ${text}\n${TARGET_NAMES}`);
}

const COMMANDS = {
  qmp: createQmpTarget,
  img: (name: string, command: string): Target => new ImgTarget(name, command),
  adapter: (name: string, command: string): Target => new AdapterTarget(name, command),
};

function parseCommand(text: string, kind: keyof typeof COMMANDS, command: string): TargetChoice {
  const create = (use?: Use) => COMMANDS[kind](text, command, use);
  try {
    create(); // starts nothing, but looks at the command
  } catch (error) {
    throw new Error(`${text}: ${(error as Error).message}\n${TARGET_NAMES}`);
  }
  return { name: text, kind, create };
}

function installed(): TargetChoice[] {
  const found: TargetChoice[] = [];
  if (findInPath(QEMU_SYSTEM_PROGRAM) !== null) found.push(parseTarget('qemu-system'));
  if (findInPath(QSD_PROGRAM) !== null) found.push(parseTarget('qsd'));
  if (found.length > 0) return found;
  throw new TargetFault('surroundings', `there is no QEMU in PATH. ${QEMU_SYSTEM_HINT}. ${QSD_HINT}.`);
}

/** The reference, loaded when it is first used: a run on others does not need the specification. */
class ReferenceLater implements Target {
  readonly name = 'reference';
  readonly kind = 'reference';
  #loaded: Promise<Target> | null = null;

  async identify(): Promise<Identity> {
    return (await this.#load()).identify();
  }

  async begin(context: CaseContext): Promise<Session> {
    return (await this.#load()).begin(context);
  }

  async close(): Promise<void> {
    await (await this.#loaded)?.close();
  }

  #load(): Promise<Target> {
    this.#loaded ??= import('./reference/reference.js').then(({ createReferenceTarget }) =>
      createReferenceTarget(),
    );
    return this.#loaded;
  }
}
