/** The command line as getopt_long reads it: short options in clusters, long ones by any unique beginning, `--`. */
import { ImgError } from './context.js';

/** What a subcommand takes. */
export interface OptionSpec {
  /** letters, each followed by `:` when it has a value */
  readonly short: string;
  /** long names; with `:` behind it a name has a value; with `=x` it is another name of the short option x */
  readonly long: readonly string[];
}

export interface Arguments {
  /** in their order, by the short letter where there is one */
  readonly options: readonly (readonly [name: string, value: string])[];
  readonly rest: readonly string[];
}

interface LongOption {
  readonly name: string;
  readonly key: string;
  readonly takesValue: boolean;
}

/** @throws ImgError as qemu-img words it */
export function parseArguments(argv: readonly string[], spec: OptionSpec): Arguments {
  const long = spec.long.map((text) => longOption(text, spec));
  const options: [string, string][] = [];
  const rest: string[] = [];
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at]!;
    const value = (): string => {
      at += 1;
      if (at >= argv.length) throw usage(`missing argument for option '${word}'`);
      return argv[at]!;
    };
    if (word === '--') {
      rest.push(...argv.slice(at + 1));
      break;
    }
    if (word.startsWith('--')) options.push(longGiven(word, long, value));
    else if (word.startsWith('-') && word !== '-') options.push(...shortGiven(word, spec, value));
    else rest.push(word);
  }
  return { options, rest };
}

/** A mistake in how the tool is called. */
export function usage(problem: string): ImgError {
  return new ImgError(`${problem}\nTry 'qbm img --help' for more information`);
}

function longOption(text: string, spec: OptionSpec): LongOption {
  const [name, key = name] = text.replace(':', '').split('=') as [string, string?];
  const takesValue = text.endsWith(':') || (key !== name && spec.short.includes(`${key}:`));
  return { name, key, takesValue };
}

function longGiven(word: string, long: readonly LongOption[], value: () => string): [string, string] {
  const equals = word.indexOf('=');
  const name = word.slice(2, equals < 0 ? undefined : equals);
  const exact = long.filter((option) => option.name === name);
  const found = exact.length > 0 ? exact : long.filter((option) => option.name.startsWith(name));
  const [option] = found;
  if (option === undefined || found.length > 1 || (equals >= 0 && !option.takesValue))
    throw usage(`unrecognized option '${word}'`);
  if (!option.takesValue) return [option.key, ''];
  return [option.key, equals < 0 ? value() : word.slice(equals + 1)];
}

function* shortGiven(word: string, { short }: OptionSpec, value: () => string): Generator<[string, string]> {
  for (let at = 1; at < word.length; at++) {
    const letter = word[at]!;
    const found = letter === ':' ? -1 : short.indexOf(letter);
    if (found < 0) throw usage(`unrecognized option '${word}'`);
    if (short[found + 1] !== ':') yield [letter, ''];
    else {
      yield [letter, at + 1 < word.length ? word.slice(at + 1) : value()];
      return;
    }
  }
}
