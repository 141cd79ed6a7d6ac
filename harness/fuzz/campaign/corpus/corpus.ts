/**
 * The histories that a worker changes: those that reached something new, in its own rounds or before it began. A file of
 * the corpus is named after its text, so that one that was damaged is known; it is parsed when it is to be changed.
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ProblemError, problemText } from '../../../case/load/problem.js';
import { readText } from '../../../case/load/text.js';
import type { History } from '../../history.js';
import { historyText, parseHistory } from '../../history-text.js';
import { hash } from '../plan.js';
import type { Warn } from '../read/json.js';

/** Histories of a property that are changed again. */
const MOST_OF_PROPERTY = 400;
/** Files that are read when a worker begins. */
const MOST_READ = 1000;

const FILE = /^([0-9a-f]{16})\.yaml$/;

interface Entry {
  readonly id: string;
  /** null: it cannot be read */
  history(): History | null;
}

export class Corpus {
  readonly #warn: Warn;
  readonly #entries = new Map<string, Entry[]>();

  /** @param warn told of files that are left out */
  constructor(warn: Warn) {
    this.#warn = warn;
  }

  /** Adds a history; returns its id, and its text. */
  keep(history: History): { readonly id: string; readonly text: string } {
    const text = historyText(history);
    const id = idOf(text);
    this.#add(history.property, { id, history: () => history });
    return { id, text };
  }

  /** The history of a property that a number stands for; null: there is none. */
  pick(property: string, number: number): { readonly id: string; readonly history: History } | null {
    const entries = this.#entries.get(property) ?? [];
    while (entries.length > 0) {
      const at = number % entries.length;
      const { id, history } = entries[at]!;
      const read = history();
      if (read !== null) return { id, history: read };
      entries.splice(at, 1);
    }
    return null;
  }

  /**
   * Adds what the workers of a campaign have left: the newest files.
   * @param directory of the campaign
   * @throws what the file system throws
   */
  read(directory: string, campaign: string, most = MOST_READ): void {
    const newest = [...filesIn(directory, campaign)]
      .map(([id, path]) => ({ id, path, time: statSync(path).mtimeMs }))
      .sort((a, b) => b.time - a.time || (a.id < b.id ? -1 : 1))
      .slice(0, most);
    // The newest ones come last, as they do in the rounds.
    for (const { id, path } of newest.reverse()) this.#readFile(id, path);
  }

  #readFile(id: string, path: string): void {
    const read = readText(path);
    if ('wrong' in read) {
      this.#leaveOut(path, read.wrong);
      return;
    }
    const { text } = read;
    const [, property] = /^property: (.+)$/m.exec(text) ?? [];
    if (idOf(text) !== id || property === undefined) {
      this.#leaveOut(path, 'it does not hold the history of its name');
      return;
    }
    let parsed: History | null = null;
    this.#add(property, {
      id,
      history: () => {
        parsed ??= this.#parsed(text, path);
        return parsed;
      },
    });
  }

  /** null: it was written in another version of the language. */
  #parsed(text: string, path: string): History | null {
    try {
      return parseHistory(text, path);
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      this.#leaveOut('', problemText(error.problems[0]!));
      return null;
    }
  }

  #leaveOut(path: string, wrong: string): void {
    const where = path === '' ? '' : `${path}: `;
    this.#warn(
      `${where}${wrong}; this history of the corpus is not changed again: restore the file from where it was copied, or remove it`,
    );
  }

  #add(property: string, entry: Entry): void {
    const entries = this.#entries.get(property) ?? [];
    this.#entries.set(property, [...entries.slice(1 - MOST_OF_PROPERTY), entry]);
  }
}

function idOf(text: string): string {
  return hash(text).slice(0, 16);
}

/** By id, of all workers: two may have kept the same. */
function filesIn(directory: string, campaign: string): Map<string, string> {
  const files = new Map<string, string>();
  const workers = join(directory, 'workers');
  for (const worker of readdirSync(workers)) {
    const corpus = join(workers, worker, 'corpus');
    if (!worker.startsWith(`${campaign}-`) || !existsSync(corpus)) continue;
    for (const name of readdirSync(corpus)) {
      const [, id] = FILE.exec(name) ?? [];
      if (id !== undefined) files.set(id, join(corpus, name));
    }
  }
  return files;
}
