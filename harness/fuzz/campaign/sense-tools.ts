/** Whether steps of image tools ask for what has one right answer, whatever the format of the images is. */

import type { Action, Step } from '../../case/case.js';
import { CLUSTER } from '../draw/edges.js';
import type { History } from '../history.js';
import { commandLine } from '../moves/tools/words.js';

export function toolsMakeSense({ steps, format, property }: History): boolean {
  if (!endsWithFaults(steps) || (property === 'tools' && usesOpenFiles(steps, format === 'raw')))
    return false;
  if ((format === 'raw' && hasMaps(steps)) || checksWhatDied(steps)) return false;
  const commands = steps.map(({ action }) => (action.verb === 'image-io' ? action.commands : []));
  if (!commands.every(isKnownAfterDiscards) || !formatsAreRight(steps)) return false;
  const tools = steps.some(({ action }) => action.verb === 'img' && action.words.some(isBelow));
  if (tools && steps.some(({ action }) => action.verb === 'io' && action.request.op === 'discard'))
    return false;
  return !hasMaps(steps) || mapsAreKnown(steps, commands.flat());
}

/** What a tool that failed leaves is luck: after it only what it took from is read. */
function endsWithFaults(steps: readonly Step[]): boolean {
  const first = steps.findIndex(({ action }) => action.verb === 'img' && action.words.some(hasFault));
  if (first === -1) return true;
  const { action } = steps[first]!;
  const target = action.verb === 'img' ? action.words.at(-1)! : '';
  return steps
    .slice(first + 1)
    .every(
      ({ action: last }) =>
        last.verb === 'image-io' && isReading(last.commands) && !target.includes(`${last.image}`),
    );
}

function hasFault(word: string): boolean {
  return word.includes('inject-error');
}

function isReading(commands: readonly string[]): boolean {
  return commands.every((command) => /^(read|length)/.test(command));
}

/** After a crash QBM says that there was one, and has something to repair, where qcow2 has not. */
function checksWhatDied(steps: readonly Step[]): boolean {
  const died = steps.findIndex(({ action }) => action.verb === 'kill');
  return (
    died !== -1 &&
    steps
      .slice(died)
      .some(({ action }) => action.verb === 'img' && /^(check|info)$/.test(action.words[0] ?? ''))
  );
}

/**
 * Images of both formats are locked by whoever has them; what users of a node let others do with a raw file depends on guests, whom
 * the harness has connected or not.
 */
function usesOpenFiles(steps: readonly Step[], isRaw: boolean): boolean {
  const open = new Set<string>();
  let hasRaw = isRaw;
  for (const { action } of steps) {
    hasRaw ||= action.verb === 'create' || toolWords(action).includes('raw');
    if (action.verb === 'restart' || action.verb === 'kill') open.clear();
    if (action.verb === 'qmp') {
      const node = String(action.arguments?.['node-name']);
      if (action.command === 'blockdev-add') open.add(node);
      if (action.command === 'blockdev-del') open.delete(node);
    }
    if (hasRaw && (action.verb === 'img' || action.verb === 'image-io') && open.size > 0) return true;
  }
  return false;
}

function toolWords(action: Action): readonly string[] {
  return action.verb === 'img' ? action.words : action.verb === 'image-io' ? action.options : [];
}

/** An option that names what is below an image. */
function isBelow(word: string): boolean {
  return word === '-b' || word === '-B';
}

const WRITES = /^(?:write .*|discard )\b(\d+) (\d+)$/;

/** What a discard leaves is for the format to choose: zeros are written to its place at once. */
function isKnownAfterDiscards(commands: readonly string[]): boolean {
  return commands.every((command, index) => {
    const discarded = /^discard (.*)$/.exec(command)?.[1];
    return discarded === undefined || commands[index + 1] === `write -z ${discarded}`;
  });
}

function hasMaps(steps: readonly Step[]): boolean {
  return steps.some(({ action }) => action.verb === 'img' && action.words[0] === 'map');
}

/** Where holes are in files, and what becomes of a cluster that is written in part, a map shows otherwise by file system and format. */
function mapsAreKnown(steps: readonly Step[], commands: readonly string[]): boolean {
  const isRaw = steps.some(({ action }) => {
    if (action.verb === 'create') return true;
    return action.verb === 'io' || (action.verb === 'img' && isInParts(action.words));
  });
  return !isRaw && commands.every(isWhole);
}

/** Raw files, sizes that are no whole clusters, and copies of zeros as whatever the tool likes. */
function isInParts(words: readonly string[]): boolean {
  if (words.includes('raw') || (words[0] === 'rebase' && !words.includes('-u'))) return true;
  if (words[0] !== 'create' && words[0] !== 'resize') return false;
  return words.some((word) => /^[+-]?\d+$/.test(word) && Number(word) % CLUSTER !== 0);
}

function isWhole(command: string): boolean {
  const written = WRITES.exec(command);
  return written === null || (Number(written[1]) % CLUSTER === 0 && Number(written[2]) % CLUSTER === 0);
}

/** How an image is stored is its format's own: nothing looks at one as if it were of another format. */
function formatsAreRight(steps: readonly Step[]): boolean {
  const formats = new Map<string, string>();
  const isOther = ([name, format]: Said): boolean => (formats.get(name) ?? format) !== format;
  for (const { action } of steps) {
    if (action.verb === 'create') {
      if (isOther([action.file, 'raw'])) return false;
      formats.set(action.file, 'raw');
    }
    if (action.verb === 'image-io' && action.image !== null) {
      const [, format = '{format}'] = action.options;
      if (isOther([action.image, format])) return false;
    }
    if (action.verb !== 'img') continue;
    const { said, made } = formatsIn(action.words);
    if (said.some(isOther)) return false;
    // What belongs to an image of one format would be in the way of another.
    if (made.some(isOther)) return false;
    for (const [name, format] of made) formats.set(name, format);
  }
  return true;
}

type Said = readonly [name: string, format: string];

/** Which formats a command line says that images have, and which it gives them. */
function formatsIn(words: readonly string[]): { said: Said[]; made: Said[] } {
  const { command, options, names } = commandLine(words);
  const said: Said[] = [];
  const made: Said[] = [];
  const add = (to: Said[], name: string | undefined, format: string | undefined): void => {
    if (name !== undefined && format !== undefined) to.push([name, format]);
  };
  add(said, options.get('-b') ?? options.get('-B'), options.get('-F'));
  if (command === 'create') add(made, names[0], options.get('-f'));
  else if (command === 'convert') {
    for (const name of names.slice(0, -1)) add(said, name, options.get('-f'));
    add(words.includes('-n') ? said : made, names.at(-1), options.get('-O'));
  } else {
    add(said, names[0], options.get('-f'));
    if (command === 'compare') add(said, names[1], options.get('-F'));
  }
  return { said, made };
}
