/**
 * A case as the runner sees it: what a file `cases/<area>/<id>.yaml` means once it has been read and validated.
 * The language is described by case.schema.json.
 */
import { isJsonObject, type Json, type JsonObject } from '../../spec/json/value.js';
import type { IoRequest, Trust } from '../target/target.js';
import type { FileContent } from './content.js';
import type { NbdAction } from './nbd-step.js';

/** The formats a case can be run on. */
export const FORMATS = ['raw', 'overlay'] as const;
export type Format = (typeof FORMATS)[number];

/** A run of an image tool. In its words `$name` is the path of a file of the case, and `{format}` the format's name. */
export type ToolAction =
  | { readonly verb: 'img'; readonly words: readonly string[] }
  | {
      readonly verb: 'image-io';
      /** null: none is named on the command line */
      readonly image: string | null;
      readonly options: readonly string[];
      readonly commands: readonly string[];
      /** how the tool gets its commands: each with `-c`, or as lines of its standard input */
      readonly by: 'option' | 'stdin';
    };

/** What a step does, without where it stands. */
export type Action =
  | { readonly verb: 'log'; readonly text: string }
  | { readonly verb: 'create'; readonly file: string; readonly size: number }
  | {
      readonly verb: 'open';
      readonly node: string;
      /** bytes; null for the image that an earlier `open` of the node made */
      readonly size: number | null;
      readonly driver: 'format' | 'null-co';
      readonly readOnly: boolean;
      readonly discard: 'ignore' | 'unmap';
      readonly policy: 'writeback' | 'writethrough' | undefined;
      /** an image that can have a backing file: the node that is it, or null for none; undefined: any image */
      readonly backing: string | null | undefined;
      /** the drive that holds it in the place of the monitor */
      readonly device: string | undefined;
    }
  | { readonly verb: 'drive'; readonly id: string; readonly readOnly: boolean }
  | { readonly verb: 'qmp'; readonly command: string; readonly arguments: JsonObject | undefined }
  | { readonly verb: 'raw'; readonly text: string }
  | { readonly verb: 'io'; readonly node: string; readonly request: IoRequest }
  | { readonly verb: 'observe'; readonly node: string }
  | { readonly verb: 'bytes'; readonly file: string }
  | { readonly verb: 'graph' }
  | { readonly verb: 'restart' | 'kill' }
  | WaitAction
  | { readonly verb: 'file'; readonly file: string; readonly content: FileContent }
  | { readonly verb: 'descriptor'; readonly file: string; readonly trust: Trust; readonly verify: boolean }
  | { readonly verb: 'check'; readonly file: string; readonly trust: Trust; readonly repair: boolean }
  | ToolAction
  | NbdAction
  | {
      readonly verb: 'either';
      readonly action: Exclude<Action, { verb: 'either' | 'log' }>;
      /** the answers that are allowed, each a list of transcript lines without their indentation */
      readonly outcomes: readonly (readonly string[])[];
      /** the `may` rule that leaves the choice */
      readonly rule: string | undefined;
    };

/** To wait for a state of a job, an event of a job, or any other event. `any`: members of data that are luck. */
export type WaitAction = { readonly verb: 'wait'; readonly any: readonly string[] } & (
  | { readonly job: string; readonly state: string; readonly event?: undefined }
  | { readonly job: string; readonly event: string; readonly state?: undefined }
  | { readonly job?: undefined; readonly event: string; readonly match: JsonObject }
);

/** One step. `line` is its line in the case file, from 1; 0 where there is no file. */
export interface Step {
  readonly line: number;
  readonly action: Action;
}

/** One case. */
export interface Case {
  /** a slug that never changes; also the name of the file */
  readonly id: string;
  /** the directory below cases/ */
  readonly area: string;
  readonly title: string;
  /** ids of the rules it checks, at least one */
  readonly rules: readonly string[];
  /** its ancestors elsewhere: "iotests 236" */
  readonly models: readonly string[];
  /** capabilities it needs: those it names and those its steps imply */
  readonly requires: readonly string[];
  /** the formats it may run on, in order of preference */
  readonly formats: readonly Format[];
  readonly steps: readonly Step[];
  /** the file, for messages: relative to where the command was started if that is shorter */
  readonly file: string;
}

/** Nodes that the case deletes, resizes or reopens: a lasting export on one of these would be in its way. */
export function volatileNodes(steps: readonly Step[]): ReadonlySet<string> {
  const nodes = new Set<string>();
  const add = (value: unknown): void => {
    if (typeof value === 'string') nodes.add(value);
  };
  for (const { action } of steps) {
    const act = action.verb === 'either' ? action.action : action;
    if (act.verb !== 'qmp' || act.arguments === undefined) continue;
    const args = act.arguments;
    if (/^(blockdev-del|block_resize|x-blockdev-set-iothread)$/.test(act.command)) add(args['node-name']);
    if (act.command === 'blockdev-reopen' && Array.isArray(args.options)) {
      for (const options of args.options) add((options as JsonObject | null)?.['node-name']);
    }
  }
  return nodes;
}

/** What `$name` may stand for: the files that the steps create, and those that the words of tools name so. */
export function createdFiles(steps: readonly Step[]): ReadonlySet<string> {
  const files = new Set<string>();
  for (const { action } of steps) {
    const act = action.verb === 'either' ? action.action : action;
    if (act.verb === 'create') files.add(act.file);
    for (const file of [...filesOfJobs(act), ...filesOfNbd(act)]) files.add(file);
    if (act.verb === 'open' && act.driver === 'format') files.add(`${act.node}.img`);
    if (act.verb === 'qmp') addSnapshotFiles(act.arguments ?? null, files);
    for (const word of toolWords(act)) {
      for (const [, name] of word.matchAll(/\$([A-Za-z0-9_][A-Za-z0-9_.-]*)/g)) files.add(name!);
    }
  }
  return files;
}

/** The sockets on which servers are to listen and clients connect, and files that clients name. */
function filesOfNbd(action: Action): string[] {
  if (action.verb === 'nbd') return action.op === 'connect' ? [action.socket] : [];
  if (action.verb !== 'qmp' || action.command !== 'nbd-server-start') return [];
  const { addr = null } = action.arguments ?? {};
  const data = isJsonObject(addr) && isJsonObject(addr.data ?? null) ? (addr.data as JsonObject) : {};
  return typeof data.path === 'string' && /^\$[A-Za-z0-9_.-]+$/.test(data.path) ? [data.path.slice(1)] : [];
}

/** The words of a tool's command line, but for the commands of `image-io`; none for other steps. */
function toolWords(action: Action): readonly string[] {
  if (action.verb === 'img' || (action.verb === 'nbd' && action.op === 'run')) return action.words;
  if (action.verb !== 'image-io') return [];
  return action.image === null ? action.options : [...action.options, action.image];
}

/** Adds the files of overlays, and of targets of drive-*, wherever they are named in arguments. */
function addSnapshotFiles(value: Json, files: Set<string>): void {
  if (Array.isArray(value)) for (const item of value) addSnapshotFiles(item, files);
  if (!isJsonObject(value)) return;
  for (const file of [value['snapshot-file'], value.target])
    if (typeof file === 'string' && /^\$[A-Za-z0-9_.-]+$/.test(file)) files.add(file.slice(1));
  for (const name in value) addSnapshotFiles(value[name]!, files);
}

/** The file that blockdev-create is to make. */
function filesOfJobs(action: Action): string[] {
  if (action.verb !== 'qmp' || action.command !== 'blockdev-create') return [];
  const options = action.arguments?.options;
  const filename = isJsonObject(options ?? null) ? (options as JsonObject).filename : undefined;
  return typeof filename === 'string' && /^\$[A-Za-z0-9_.-]+$/.test(filename) ? [filename.slice(1)] : [];
}
