/** A line of the monitor for people, taken apart as QEMU does: words by blanks, in quotes if they have blanks. QMP-050. */

/** The line is not what the command takes. */
export class HumanLineError extends Error {
  /** what goes to standard output besides */
  readonly aside: string | null;
  constructor(message: string, aside: string | null = null) {
    super(message);
    this.name = 'HumanLineError';
    this.aside = aside;
  }
}

const ESCAPES: { readonly [letter: string]: string } = { n: '\n', r: '\r', '\\': '\\', "'": "'", '"': '"' };

export class HumanLine {
  #rest: string;

  constructor(line: string) {
    this.#rest = line;
    this.#skipBlanks();
  }

  get isEmpty(): boolean {
    return this.#rest === '';
  }

  /** The first word: a blank or a slash ends it. */
  name(): string {
    return this.#take(/^[^\t-\r /]*/);
  }

  /** Whether `-LETTER` comes next. @throws HumanLineError if it is another option */
  flag(letter: string): boolean {
    if (!this.#rest.startsWith('-')) return false;
    const found = this.#rest.charAt(1);
    if (found !== letter) throw new HumanLineError(`unsupported option -${found}`);
    this.#rest = this.#rest.slice(2);
    this.#skipBlanks();
    return true;
  }

  /** The next word, or text in double quotes. @throws HumanLineError with `missing` if there is none */
  text(missing: string): string {
    if (this.#rest === '') throw new HumanLineError(missing);
    if (!this.#rest.startsWith('"')) return this.#take(/^[^\t-\r ]*/);
    const quoted = this.#take(/^"(?:[^"\\]|\\.)*/s).slice(1);
    const text = quoted.replace(/\\(.)/gs, (_whole, letter: string) => {
      if (Object.hasOwn(ESCAPES, letter)) return ESCAPES[letter]!;
      throw new HumanLineError(missing, `unsupported escape code: '\\${letter}'`);
    });
    if (!this.#rest.startsWith('"')) throw new HumanLineError(missing, 'unterminated string');
    this.#take(/^"/);
    return text;
  }

  /** @throws HumanLineError if anything is left */
  end(): void {
    if (this.#rest !== '') throw new HumanLineError('extraneous characters at the end of line');
  }

  #take(what: RegExp): string {
    const [found = ''] = what.exec(this.#rest) ?? [];
    this.#rest = this.#rest.slice(found.length);
    this.#skipBlanks();
    return found;
  }

  #skipBlanks(): void {
    this.#rest = this.#rest.replace(/^[\t-\r ]+/, '');
  }
}
