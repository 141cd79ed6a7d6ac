/** What is done about a finding once it is safe on disk: whether it shows again, and how small it can be made. */
import { basename, join } from 'node:path';
import { beyondSteps } from '../../case/requires.js';
import { writeWhole } from '../../golden/golden.js';
import type { TargetChoice } from '../../target/parse.js';
import { sideBySide } from '../finding/side-by-side.js';
import { isAlike, isBad, type Signature, signatureOf } from '../finding/signature.js';
import { modelTranscript, transcriptOn } from '../finding/transcripts.js';
import type { History, Outcome, Prober } from '../history.js';
import { historyText } from '../history-text.js';
import type { Property } from '../property.js';
import { reduce } from '../reduce/reduce.js';
import { type FindingFiles, findingId, type Minimal, type Rerun, readFinding, timesOf } from './findings.js';
import { makesSense } from './sense.js';

export interface InvestigateOptions {
  readonly prober: Prober;
  readonly property: Property | undefined;
  readonly choice: TargetChoice;
  readonly limitMs: number;
  /** ends the reduction; what has been reached is kept */
  readonly enough: AbortSignal;
  /** ends everything */
  readonly signal: AbortSignal;
  errorId(desc: string, errorClass: string): string | undefined;
}

/** How often a finding is played again, and its small form. A hang takes the whole limit each time. */
const RERUNS = 5;
const RERUNS_OF_HANG = 2;
/** Of one reduction. */
const PROBES = 800;
const REDUCE_MS = 90_000;

/** Writes rerun.json, and if it shows again, what is small. @throws Interrupted, or what the file system throws */
export async function investigate(path: string, options: InvestigateOptions): Promise<FindingFiles> {
  const files = readFinding(path);
  if (files === null) throw new Error(`${path}: no finding`);
  const { signature } = files.found;
  const rerun = files.rerun ?? (await again(files.history, signature, options));
  if (files.rerun === null) writeWhole(join(path, 'rerun.json'), `${JSON.stringify(rerun)}\n`);
  if (rerun.shown > 0 && files.minimal === null) await makeSmall(path, files, rerun, options);
  return readFinding(path)!;
}

/** How often a history shows the signature again. */
export async function again(
  history: History,
  signature: Signature,
  { prober }: Pick<InvestigateOptions, 'prober'>,
): Promise<Rerun> {
  const of = signature.kind === 'hang' ? RERUNS_OF_HANG : RERUNS;
  let shown = 0;
  for (let i = 0; i < of; i++) if (await shows(prober, history, signature)) shown++;
  return { shown, of };
}

/** @throws Error when the campaign cannot go on: then nothing was learned of the finding */
async function probed(prober: Prober, history: History): Promise<Outcome> {
  const outcome = await prober.probe(history);
  if (outcome.kind === 'surroundings') throw new Error(outcome.message);
  return outcome;
}

async function shows(prober: Prober, history: History, signature: Signature): Promise<boolean> {
  const outcome = await probed(prober, history);
  return isBad(outcome) && isAlike(signatureOf(history, outcome), signature);
}

async function makeSmall(
  path: string,
  { history, found }: FindingFiles,
  rerun: Rerun,
  options: InvestigateOptions,
): Promise<void> {
  const { prober, property, enough } = options;
  const { signature } = found;
  // As often as it takes for a finding that shows now and then to be missed one time in twenty.
  const chance = rerun.shown / rerun.of;
  const tries = chance >= 1 ? 1 : Math.min(6, Math.ceil(Math.log(0.05) / Math.log(1 - chance)));
  let last = found.outcome;
  const showsOnce = async (candidate: History): Promise<boolean> => {
    const outcome = await probed(prober, candidate);
    if (!isBad(outcome) || !isAlike(signatureOf(candidate, outcome), signature)) return false;
    last = outcome;
    return true;
  };
  // What comes after the step that shows it cannot matter.
  const first = { ...history, steps: history.steps.slice(0, found.outcome.step + 1) };
  const start = (await showsWithin(tries, first, showsOnce)) ? first : history;
  const reduced = await reduce(start, {
    shows: (candidate) => showsWithin(tries, candidate, showsOnce),
    isValid: (candidate) =>
      candidate.steps.length > 0 && makesSense(candidate) && property?.reach(candidate) !== null,
    requires: property?.requires ?? beyondSteps(history.steps, history.requires),
    probes: signature.kind === 'hang' ? PROBES / 10 : PROBES,
    ms: REDUCE_MS,
    signal: enough,
  });
  const small = reduced.history;
  const outcome = await outcomeOf(small, signature, prober, last);
  const shown = await again(small, signature, options);
  const final = signatureOf(small, outcome);
  const minimal: Minimal = {
    id: findingId(final, small),
    signature: final,
    outcome,
    rerun: shown,
    probes: reduced.probes,
    isComplete: reduced.isComplete,
  };
  writeWhole(
    join(path, 'minimal.yaml'),
    historyText(small, `${final.kind} at ${final.where}: ${final.what}`),
  );
  writeWhole(join(path, 'transcript.txt'), await transcripts(small, options));
  writeWhole(join(path, 'minimal.json'), `${JSON.stringify(minimal, null, 2)}\n`);
}

async function showsWithin(
  tries: number,
  history: History,
  once: (history: History) => Promise<boolean>,
): Promise<boolean> {
  for (let i = 0; i < tries; i++) if (await once(history)) return true;
  return false;
}

/** What the small history comes to; `otherwise` if it does not show this time. */
async function outcomeOf(
  history: History,
  signature: Signature,
  prober: Prober,
  otherwise: Minimal['outcome'],
): Promise<Minimal['outcome']> {
  for (let i = 0; i < 3; i++) {
    const outcome = await probed(prober, history);
    if (isBad(outcome) && isAlike(signatureOf(history, outcome), signature)) return outcome;
  }
  return otherwise;
}

async function transcripts(history: History, options: InvestigateOptions): Promise<string> {
  const { choice } = options;
  const expected = await modelTranscript(history, options);
  const observed = await transcriptOn(choice.create(), history, options);
  return sideBySide(expected, observed, ['expected', choice.name]);
}

/** One line for a person. */
export function findingLine(files: FindingFiles): string {
  const { found, minimal, path } = files;
  const { kind, where, what } = (minimal ?? found).signature;
  const times = timesOf(files);
  const reliable = times === null ? '' : `, ${times.shown} of ${times.of} times`;
  const steps =
    minimal === null ? `${found.outcome.step + 1} steps` : `${minimal.history.steps.length} steps`;
  return `${minimal?.id ?? basename(path)}  ${kind} at ${where}: ${what} (${steps}${reliable})`;
}
