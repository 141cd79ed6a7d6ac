/** Options that several subcommands have. */
import { sizeOf } from '../size.js';
import { type Arguments, type OptionSpec, parseArguments, usage } from './arguments.js';
import { ImgError } from './context.js';
import { HELP } from './help.js';

/** The options of a subcommand, each with the last value that was given. */
export class Options {
  readonly #given: Arguments['options'];
  readonly rest: readonly string[];

  constructor({ options, rest }: Arguments) {
    this.#given = options;
    this.rest = rest;
  }

  has(name: string): boolean {
    return this.#given.some(([key]) => key === name);
  }

  /** The last value. */
  value(name: string): string | undefined {
    return this.all(name).at(-1);
  }

  all(name: string): string[] {
    return this.#given.filter(([key]) => key === name).map(([, value]) => value);
  }

  get given(): Arguments['options'] {
    return this.#given;
  }
}

/** Asked for help: not an error, but the end. */
export class HelpAsked extends ImgError {
  constructor() {
    super(HELP, 0);
  }
}

/** @throws ImgError, HelpAsked */
export function optionsOf(argv: readonly string[], spec: OptionSpec): Options {
  const options = new Options(parseArguments(argv, spec));
  if (options.has('h')) throw new HelpAsked();
  checkObjects(options.all('object'));
  return options;
}

/** Secrets are for formats that are not here: they are looked at, and that is all. */
function checkObjects(objects: readonly string[]): void {
  for (const text of objects) {
    const parts = text.split(',');
    const type = parts[0]!.replace(/^qom-type=/, '');
    if (type !== 'secret') throw new ImgError(`Parameter 'qom-type' does not accept value '${type}'`);
    if (!parts.some((part) => part.startsWith('id='))) throw new ImgError("Parameter 'id' is missing");
  }
}

/** @throws ImgError unless it is `human` or `json` */
export function isJsonOutput(options: Options): boolean {
  const output = options.value('output') ?? 'human';
  if (output !== 'human' && output !== 'json')
    throw new ImgError('--output must be used with human or json as argument.');
  return output === 'json';
}

/** The only file name. */
export function oneFile(options: Options): string {
  if (options.rest.length !== 1) throw usage('Expecting one image file name');
  return options.rest[0]!;
}

/** How the image that a reading subcommand is about is opened. */
export function readingFlags(options: Options): {
  format: string | undefined;
  isOptions: boolean;
  forceShare: boolean;
} {
  const isOptions = options.has('image-opts');
  const format = options.value('f');
  if (isOptions && format !== undefined)
    throw new ImgError('--image-opts and --format are mutually exclusive');
  return { format, isOptions, forceShare: options.has('U') };
}

/** Bytes. @throws ImgError; `what` says of what: "image size" */
export function sizeArgument(text: string, what: string): number {
  const size = sizeOf(text);
  if (size === 'syntax') {
    throw new ImgError(
      `Invalid ${what} specified. You may use k, M, G, T, P or E suffixes for\n` +
        'qbm img: kilobytes, megabytes, gigabytes, terabytes, petabytes and exabytes.',
    );
  }
  if (size === 'range' || size > 2n ** 63n - 1n)
    throw new ImgError(`Invalid ${what} specified. Must be between 0 and ${2n ** 63n - 1n}.`);
  if (typeof size === 'bigint')
    throw new ImgError(`Invalid ${what} specified: ${size} bytes are beyond 2^53-1, the largest here.`);
  return size;
}
