/**
 * Options of a command line as the C library's getopt reads them: `-qP 5`, `-P5`, `--cmd=length`, options after operands,
 * `--` before what is none. One at a time, because QEMU's programs act on each before they look at the next.
 */

/** A long option. */
export interface LongOption {
  readonly name: string;
  readonly takesValue: boolean;
}

/** An option with its value (empty if it takes none), or what is wrong, as a line without its end. */
export type FoundOption =
  | { readonly option: string; readonly value: string }
  | { readonly option: null; readonly problem: string };

export class Getopt {
  /** what is no option; complete after {@link next} has given null */
  readonly operands: string[] = [];
  readonly #program: string;
  readonly #words: string[];
  readonly #short: string;
  readonly #long: readonly LongOption[];
  /** what is left of a word of short options */
  #letters = '';

  /**
   * @param program how problems begin
   * @param words without the program itself
   * @param short letters, each followed by a colon if it takes a value
   */
  constructor(program: string, words: readonly string[], short: string, long: readonly LongOption[] = []) {
    this.#program = program;
    this.#words = [...words];
    this.#short = short;
    this.#long = long;
  }

  /** The next option, or null when there is none any more. */
  next(): FoundOption | null {
    while (this.#letters === '') {
      const word = this.#words.shift();
      if (word === undefined) return null;
      if (word === '--') {
        this.operands.push(...this.#words.splice(0));
        return null;
      }
      if (!word.startsWith('-') || word === '-') this.operands.push(word);
      else if (word.startsWith('--') && this.#long.length > 0) return this.#longOption(word.slice(2));
      else this.#letters = word.slice(1);
    }
    return this.#shortOption();
  }

  #shortOption(): FoundOption {
    const letter = String.fromCodePoint(this.#letters.codePointAt(0)!);
    this.#letters = this.#letters.slice(letter.length);
    const at = letter === ':' ? -1 : this.#short.indexOf(letter);
    if (at < 0) return this.#problem(`invalid option -- '${letter}'`);
    if (this.#short[at + 1] !== ':') return { option: letter, value: '' };
    const value = this.#letters === '' ? this.#words.shift() : this.#letters;
    this.#letters = '';
    if (value === undefined) return this.#problem(`option requires an argument -- '${letter}'`);
    return { option: letter, value };
  }

  /** A long one may be shortened as long as it stays clear which is meant. */
  #longOption(text: string): FoundOption {
    const [, name = '', given] = /^([^=]*)(?:=(.*))?$/s.exec(text) ?? [];
    const meant = this.#long.filter((long) => long.name.startsWith(name));
    const long = meant.find((one) => one.name === name) ?? meant[0];
    if (long === undefined) return this.#problem(`unrecognized option '--${name}'`);
    if (long.name !== name && meant.length > 1) {
      const names = meant.map((one) => `'--${one.name}'`).join(' ');
      return this.#problem(`option '--${text}' is ambiguous; possibilities: ${names}`);
    }
    if (!long.takesValue) {
      if (given === undefined) return { option: long.name, value: '' };
      return this.#problem(`option '--${long.name}' doesn't allow an argument`);
    }
    const value = given ?? this.#words.shift();
    if (value === undefined) return this.#problem(`option '--${long.name}' requires an argument`);
    return { option: long.name, value };
  }

  #problem(what: string): FoundOption {
    return { option: null, problem: `${this.#program}: ${what}` };
  }
}
