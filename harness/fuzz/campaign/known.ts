/**
 * What has been found before and is a case by now: `known.yaml`, a list that `qbm promote` adds to and people edit. A
 * finding is known if it shows in the same way and its history does what the case does, or what the entry says that is done.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isJsonObject, type Json, type JsonObject, jsonObject } from '../../../spec/json/value.js';
import type { Step } from '../../case/case.js';
import { loadCase } from '../../case/load/load.js';
import { ProblemError } from '../../case/load/problem.js';
import { readYaml } from '../../case/load/yaml.js';
import { type ListForm, listText } from '../../case/save/edit-list.js';
import { memberLines } from '../../case/save/yaml.js';
import type { Bad, Signature } from '../finding/signature.js';
import { Trigger } from '../finding/trigger.js';
import { parseHistory, stepLines } from '../history-text.js';
import type { World } from '../property.js';
import type { FindingFiles } from './findings.js';

/** States of triage. A finding that is in no list is new. */
export const STATES = ['known', 'fixed'] as const;

export interface KnownEntry {
  /** the case that shows it: "regressions/its-id" */
  readonly case: string;
  /** `fixed`: in the versions that are not listed; there it is a finding again */
  readonly state: (typeof STATES)[number];
  /** how a program that does it begins to call itself: "qemu-" */
  readonly program: string;
  /** prefixes of its version; empty: any */
  readonly versions: readonly string[];
  /** how it shows */
  readonly kind: Bad['kind'];
  readonly what: string;
  readonly link: string | undefined;
  /** what sets it off, where that is less than the steps of the case */
  readonly steps: readonly Step[] | undefined;
}

const MEMBERS = ['case', 'state', 'program', 'versions', 'kind', 'what', 'link', 'steps'];

/** Reads a list; an absent file is an empty one. @throws {ProblemError} */
export function readKnown(file: string): KnownEntry[] {
  return existsSync(file) ? parseKnown(readFileSync(file, 'utf8'), file) : [];
}

function parseKnown(text: string, file: string): KnownEntry[] {
  const { value, mistakes, at } = readYaml(text);
  if (mistakes.length > 0) throw new ProblemError(mistakes.map((mistake) => ({ file, ...mistake })));
  if (!Array.isArray(value)) {
    throw new ProblemError([{ file, line: 1, column: 1, message: 'a list of known findings was expected' }]);
  }
  const problems = value.flatMap((entry, index) =>
    problemsOf(entry).map((message) => ({ file, ...at(`/${index}`), message })),
  );
  if (problems.length > 0) throw new ProblemError(problems);
  return (value as JsonObject[]).map((entry) => decode(entry, file));
}

function problemsOf(entry: Json): string[] {
  if (!isJsonObject(entry)) return [`an entry has ${MEMBERS.join(', ')}`];
  const unknown = Object.keys(entry).filter((name) => !MEMBERS.includes(name));
  const missing = ['case', 'program', 'kind', 'what'].filter((name) => typeof entry[name] !== 'string');
  const isState = entry.state === undefined || STATES.some((state) => state === entry.state);
  const versions = entry.versions ?? [];
  const isList = Array.isArray(versions) && versions.every((version) => typeof version === 'string');
  return [
    ...unknown.map((name) => `unknown member "${name}"`),
    ...missing.map((name) => `"${name}" must be a text`),
    ...(isState ? [] : [`the state is one of ${STATES.join(', ')}`]),
    ...(isList ? [] : ['versions are a list of texts: ["7.2"]']),
  ];
}

function decode(entry: JsonObject, file: string): KnownEntry {
  return {
    case: entry.case as string,
    state: (entry.state ?? 'known') as KnownEntry['state'],
    program: entry.program as string,
    versions: (entry.versions ?? []) as string[],
    kind: entry.kind as Bad['kind'],
    what: entry.what as string,
    link: entry.link as string | undefined,
    steps: entry.steps === undefined ? undefined : stepsOf(entry.steps, `${file}: ${entry.case}`),
  };
}

/** @throws {ProblemError} */
function stepsOf(steps: Json, file: string): readonly Step[] {
  const history = jsonObject({ property: 'known', format: 'raw', steps });
  return parseHistory(`${memberLines(history).join('\n')}\n`, file).steps;
}

/**
 * The text of a list, by cases. Entries that are in `before`, the text of such a list, stay as they are written there.
 * @throws {ProblemError} if that is none
 */
export function knownText(entries: readonly KnownEntry[], before = ''): string {
  if (before.trim() === '') return listText(entries, FORM);
  return listText(entries, FORM, { text: before, items: parseKnown(before, 'the list') });
}

function entryText({ link, versions, steps, ...rest }: KnownEntry): string {
  const more = { versions: [...versions], ...(link === undefined ? {} : { link }) };
  const lines = memberLines(jsonObject({ ...rest, ...more }));
  if (steps !== undefined) lines.push('steps:', ...stepLines(steps));
  return lines.map((line, index) => `${index === 0 ? '-' : ' '} ${line}\n`).join('');
}

const HEADER = `# What fuzzing found and is a case by now. Written by \`qbm promote\`; state and link by people.
# A campaign counts these findings and does not report them as new.
`;

const FORM: ListForm<KnownEntry> = { header: HEADER, key: (entry) => entry.case, print: entryText };

/** The entries that speak of a program, with the steps of their cases. */
export class Known {
  readonly #entries: readonly { readonly entry: KnownEntry; readonly trigger: Trigger }[];

  /** @param cases the directory of cases @throws {ProblemError} if a case is not there or not right */
  constructor(entries: readonly KnownEntry[], cases: string, program: string, version: string) {
    this.#entries = entries
      .filter((entry) => speaksOf(entry, program, version))
      .map((entry) => {
        const { steps } = loadCase(join(cases, `${entry.case}.yaml`));
        return { entry, trigger: new Trigger(entry.steps ?? steps) };
      });
  }

  /** The entry of a finding, or undefined: it is new. */
  find({ kind, what }: Signature, steps: readonly Step[]): KnownEntry | undefined {
    return this.#entries.find(
      ({ entry, trigger }) => entry.kind === kind && entry.what === what && trigger.in(steps) !== null,
    )?.entry;
  }
}

/** The case of what a small history is known for, by the triggers that histories are steered around. */
export function knownByTrigger(
  { found, minimal }: FindingFiles,
  world: World,
): Pick<KnownEntry, 'case' | 'state' | 'link'> | undefined {
  if (minimal === null) return undefined;
  // In a small history every step is there for a reason.
  const [first] = world.knownIn?.(minimal.history, found) ?? [];
  return first === undefined ? undefined : { case: first.shownBy, state: 'known', link: undefined };
}

function speaksOf({ program, versions, state }: KnownEntry, name: string, version: string): boolean {
  if (!name.startsWith(program)) return false;
  if (versions.length === 0) return state !== 'fixed';
  return versions.some((one) => version === one || version.startsWith(`${one}.`));
}
