/** The options by which an image is opened, as the command line and the commands `open` and `reopen` take them. */
import { type JsonObject, jsonObject } from '../../json/value.js';

/** What is wrong with an option, or null. */
export type OpenProblem = string | null;

interface CacheMode {
  readonly direct: boolean;
  readonly noFlush: boolean;
  readonly writesThrough: boolean;
}

const CACHE_MODES: { readonly [mode: string]: CacheMode } = {
  none: { direct: true, noFlush: false, writesThrough: false },
  off: { direct: true, noFlush: false, writesThrough: false },
  directsync: { direct: true, noFlush: false, writesThrough: true },
  writeback: { direct: false, noFlush: false, writesThrough: false },
  unsafe: { direct: false, noFlush: true, writesThrough: false },
  writethrough: { direct: false, noFlush: false, writesThrough: true },
};
const DISCARD_MODES: { readonly [mode: string]: 'ignore' | 'unmap' } = {
  ignore: 'ignore',
  off: 'ignore',
  unmap: 'unmap',
  on: 'unmap',
};
const AIO_MODES = ['threads', 'native', 'io_uring'];

export class OpenOptions {
  format: string | undefined;
  isReadOnly = false;
  isShared = false;
  cache: CacheMode = CACHE_MODES.writeback!;
  #discard: 'ignore' | 'unmap' = 'unmap';
  #aio = 'threads';

  /** Takes an option by its letter: r, U, n, k, m, s, C, t, i, d. */
  take(letter: string, value: string): OpenProblem {
    switch (letter) {
      case 'r':
        this.isReadOnly = true;
        return null;
      case 'U':
        this.isShared = true;
        return null;
      case 'n':
        return this.setCache('none');
      case 't':
        return this.setCache(value);
      case 'k':
        return this.#setAio('native');
      case 'i':
        return this.#setAio(value);
      case 'd':
        return this.#setDiscard(value);
      case 'm': // how memory is aligned is nobody's concern here
        return null;
      case 's':
        return 'there are no temporary snapshots here: -s is not supported';
      default:
        return 'copy-on-read is not there: -C is not supported';
    }
  }

  /** The same options, to be changed. */
  copy(): OpenOptions {
    const copy = new OpenOptions();
    copy.format = this.format;
    copy.isReadOnly = this.isReadOnly;
    copy.isShared = this.isShared;
    copy.cache = this.cache;
    copy.#discard = this.#discard;
    copy.#aio = this.#aio;
    return copy;
  }

  setCache(mode: string): OpenProblem {
    const cache = own(CACHE_MODES, mode);
    if (cache === undefined) return `Invalid cache option: ${mode}`;
    this.cache = cache;
    return null;
  }

  /** What keeps these options from being right together. */
  get conflict(): OpenProblem {
    if (this.#aio !== 'native' || this.cache.direct) return null;
    return 'aio=native was specified, but it requires cache.direct=on, which was not specified.';
  }

  /** As options of blockdev-add. */
  get node(): JsonObject {
    const { direct, noFlush } = this.cache;
    return jsonObject({ discard: this.#discard, cache: jsonObject({ direct, 'no-flush': noFlush }) });
  }

  #setAio(mode: string): OpenProblem {
    if (!AIO_MODES.includes(mode)) return `Invalid aio option: ${mode}`;
    this.#aio = mode;
    return null;
  }

  #setDiscard(mode: string): OpenProblem {
    const discard = own(DISCARD_MODES, mode);
    if (discard === undefined) return `Invalid discard option: ${mode}`;
    this.#discard = discard;
    return null;
  }
}

function own<T>(table: { readonly [name: string]: T }, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}
