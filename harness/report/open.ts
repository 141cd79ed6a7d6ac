/** `--reporter NAME[=FILE]`: reporters by name, and the sinks they write to. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { JsonlReporter } from './jsonl.js';
import { JunitReporter } from './junit.js';
import { PrettyReporter } from './pretty.js';
import type { Background, Reporter, Sink } from './reporter.js';
import { TapReporter } from './tap.js';

/** The reporters there are. */
export const REPORTERS = ['pretty', 'tap', 'jsonl', 'junit'] as const;
export type ReporterName = (typeof REPORTERS)[number];

export interface ReporterSpec {
  readonly name: ReporterName;
  /** undefined: standard output */
  readonly file: string | undefined;
}

/** Reads `NAME[=FILE]`; null if there is no such reporter. */
export function parseReporter(text: string): ReporterSpec | null {
  const at = text.indexOf('=');
  const name = at < 0 ? text : text.slice(0, at);
  if (!(REPORTERS as readonly string[]).includes(name)) return null;
  const file = at < 0 ? undefined : text.slice(at + 1);
  return file === '' ? null : { name: name as ReporterName, file };
}

/** Opens a file as a sink. Throws what the file system throws. */
export function fileSink(path: string): Sink {
  const fd = openSync(path, 'w');
  return {
    terminal: false,
    write: (text) => void writeSync(fd, text),
    end: async () => closeSync(fd),
  };
}

/** A reporter that writes to `sink`. */
export function createReporter(
  name: ReporterName,
  sink: Sink,
  background: Background,
  options: { readonly colour: boolean; readonly verbose: boolean },
): Reporter {
  switch (name) {
    case 'pretty':
      return new PrettyReporter(sink, background, options);
    case 'tap':
      return new TapReporter(sink, background);
    case 'jsonl':
      return new JsonlReporter(sink);
    case 'junit':
      return new JunitReporter(sink, background);
  }
}
