/** What the words of a command line of the image tool are. */

/** Options that are followed by a value. */
const VALUED = /^-[fFbBOSgo]$|^--(merge|output|start-offset|max-length)$/;

export interface CommandLine {
  /** `create`, `convert`, … */
  readonly command: string;
  /** options that have a value, with the last one given */
  readonly options: ReadonlyMap<string, string>;
  /** what is neither an option nor its value, files without the `$` of their path */
  readonly names: readonly string[];
}

export function commandLine([command = '', ...words]: readonly string[]): CommandLine {
  const options = new Map<string, string>();
  const names: string[] = [];
  for (let at = 0; at < words.length; at++) {
    if (VALUED.test(words[at]!)) options.set(words[at]!, words[++at] ?? '');
    else if (!words[at]!.startsWith('-')) names.push(words[at]!.replace(/^\$/, ''));
  }
  return { command, options, names };
}
