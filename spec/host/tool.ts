/**
 * What a command-line tool of the reference has of the world around it. The same tool runs as `qbm img` or `qbm io` over
 * the files of this machine, and in a conformance run over files in memory: it gets its world, and looks for no other.
 */
import type { Sha256 } from '../bitmap/serialise.js';
import type { Storage } from '../storage/storage.js';

export interface ToolWorld {
  /** names on the command line are paths in it; relative ones are its own matter */
  readonly storage: Storage;
  readonly makeHash: () => Sha256;
  /** takes text as it stands, with its newlines */
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** the next line of standard input, without its newline; undefined at its end */
  readonly readLine: () => string | undefined;
  /** whether standard output is a terminal, on which progress may be shown */
  readonly isTerminal: boolean;
}
