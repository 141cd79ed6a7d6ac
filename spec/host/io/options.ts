/** The command line of `qbm io`: qemu-io's options, each looked at before the next. */
import { Getopt, type LongOption } from '../../io/getopt.js';
import { PROGRAM, USAGE } from './help.js';
import { OpenOptions, type OpenProblem } from './open-options.js';

/** What is to be done, or how it ends at once. */
export type CommandLine =
  | { readonly end: 0 | 1; readonly print?: string; readonly complain?: string }
  | {
      readonly end: null;
      /** given by -c; without any, commands come from standard input */
      readonly commands: readonly string[];
      /** a file name, or options if {@link isOptions} */
      readonly image: string | undefined;
      readonly isOptions: boolean;
      readonly open: OpenOptions;
    };

const SHORT = 'hVc:d:f:rsnCmki:t:T:U';
/** Long names, and the letter that each stands for. */
const LONG: { readonly [name: string]: string } = {
  help: 'h',
  version: 'V',
  cmd: 'c',
  format: 'f',
  'read-only': 'r',
  snapshot: 's',
  nocache: 'n',
  'copy-on-read': 'C',
  misalign: 'm',
  'native-aio': 'k',
  aio: 'i',
  discard: 'd',
  cache: 't',
  trace: 'T',
  object: 'object',
  'image-opts': 'image-opts',
  'force-share': 'U',
};
const LONG_OPTIONS: readonly LongOption[] = Object.entries(LONG).map(([name, letter]) => ({
  name,
  takesValue: name === 'object' || SHORT.includes(`${letter}:`),
}));

/** @param version what --version says of this program */
export function parseCommandLine(argv: readonly string[], version: string): CommandLine {
  const getopt = new Getopt(PROGRAM, argv, SHORT, LONG_OPTIONS);
  const commands: string[] = [];
  const open = new OpenOptions();
  let isOptions = false;
  for (let found = getopt.next(); found !== null; found = getopt.next()) {
    if (found.option === null) return { end: 1, complain: `${found.problem}\n`, print: USAGE };
    const { value } = found;
    const letter = LONG[found.option] ?? found.option;
    if (letter === 'h') return { end: 0, print: USAGE };
    if (letter === 'V') return { end: 0, print: `${PROGRAM} version ${version}\n` };
    if (letter === 'c') commands.push(value);
    else if (letter === 'image-opts') isOptions = true;
    else {
      const problem = takeOption(open, letter, value);
      if (problem !== null) return { end: 1, complain: `${PROGRAM}: ${problem}\n` };
    }
  }
  const { operands } = getopt;
  if (operands.length > 1) return { end: 1, print: USAGE };
  if (isOptions && open.format !== undefined) {
    return { end: 1, complain: `${PROGRAM}: --image-opts and -f are mutually exclusive\n` };
  }
  return { end: null, commands, image: operands[0], isOptions, open };
}

function takeOption(open: OpenOptions, letter: string, value: string): OpenProblem {
  if (letter === 'f') open.format = value;
  else if (letter === 'T') return 'there are no trace events here: -T is not supported';
  else if (letter === 'object') return 'there are no objects here: --object is not supported';
  else return open.take(letter, value);
  return null;
}
