/** Options that several subcommands have, and how their values are read. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { FORMATS } from '../case/case.js';
import { parseReporter, REPORTERS, type ReporterSpec } from '../report/open.js';

/** `--cases` and `--golden`. */
export interface PlaceOptions {
  readonly cases?: string;
  readonly golden?: string;
}

/** What a run of cases can be told. */
export interface RunningOptions extends PlaceOptions {
  readonly target?: readonly string[];
  readonly format?: (typeof FORMATS)[number] | 'all';
  readonly jobs: number;
  /** seconds */
  readonly limit: number;
  /** seconds */
  readonly caseLimit?: number;
}

export function withPlaces(command: Command): Command {
  return command
    .option('--cases <dir>', 'directory of cases (default: those of the package)')
    .option('--golden <dir>', 'directory of goldens (default: "golden" beside the cases)');
}

export function withLimits(command: Command): Command {
  return command
    .addOption(
      new Option('--format <format>', 'format to run on (default: the first that fits)').choices([
        ...FORMATS,
        'all',
      ]),
    )
    .option('--jobs <n>', 'instances of each target', count, 1)
    .option('--limit <seconds>', 'limit of one request', seconds, 10)
    .option('--case-limit <seconds>', 'limit of one case (default: 6 times --limit, at least 60)', seconds);
}

/** `--target`: a list, undefined if it is not there. */
export function targetOption(
  words = 'implementation to run on; may be repeated (default: reference)',
): Option {
  return new Option('--target <name>', words).argParser(collect);
}

export function reporterOption(): Option {
  const parse = (text: string, before: readonly ReporterSpec[] = []): ReporterSpec[] => {
    const spec = parseReporter(text);
    if (spec === null) throw new InvalidArgumentError(`Reporters are ${REPORTERS.join(', ')}, or NAME=FILE.`);
    return [...before, spec];
  };
  return new Option(
    '--reporter <name[=file]>',
    `${REPORTERS.join(', ')}; may be repeated (default: pretty on a terminal, else tap)`,
  ).argParser(parse);
}

/** Limits in milliseconds. */
export function limits(options: RunningOptions): { limitMs: number; caseLimitMs: number } {
  const limitMs = options.limit * 1000;
  const caseLimitMs =
    options.caseLimit === undefined ? Math.max(60_000, 6 * limitMs) : options.caseLimit * 1000;
  return { limitMs, caseLimitMs };
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

function count(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= 64) return value;
  throw new InvalidArgumentError('A number from 1 to 64 was expected.');
}

/** A limit that a timer can wait for. */
export function seconds(text: string): number {
  const value = Number(text);
  // A timer cannot wait longer than 2^31 - 1 ms; a day is beyond any use.
  if (text.trim() !== '' && value > 0 && value <= 86_400) return value;
  throw new InvalidArgumentError('A number of seconds above 0, at most 86400, was expected.');
}
