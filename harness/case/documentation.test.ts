/**
 * The examples of the prose, fenced blocks marked `qmp` in spec/, executed on the reference and on both QEMU programs:
 * each must answer what is printed there. Those marked `qmp reference` show what QEMU is known to do otherwise.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { packageRoot } from '../cli/environment.js';
import { errorId } from '../cli/known.js';
import { normalise } from '../golden/normalise.js';
import { filesBelow } from '../rules/scan.js';
import { findInPath, parseTarget } from '../target/parse.js';
import type { Target } from '../target/target.js';
import { createdFiles, volatileNodes } from './case.js';
import { type Dialogue, dialoguesIn, parseDialogue } from './dialogue.js';
import { type Played, play } from './play/play.js';
import { derivedRequirements } from './requires.js';

const ROOT = packageRoot();

/** Its examples are about bytes and envelopes below a session: spec/qmp/*.test.ts execute them. */
const ELSEWHERE = join(ROOT, 'spec', 'qmp', 'QMP.md');

const DOCUMENTS = filesBelow(join(ROOT, 'spec'), '.md')
  .filter((file) => file !== ELSEWHERE)
  .map((file) => ({ name: file.slice(ROOT.length + 1), dialogues: dialoguesIn(readFileSync(file, 'utf8')) }))
  .filter(({ dialogues }) => dialogues.length > 0);

for (const [name, program] of [
  ['reference', null],
  ['qemu-system', 'qemu-system-x86_64'],
  ['qsd', 'qemu-storage-daemon'],
] as const) {
  const isMissing = program !== null && findInPath(program) === null;
  const skip = isMissing && process.env.CI === undefined ? `${program} is not in PATH` : false;
  t.test(`the examples of the prose on ${name}`, { skip }, async (t) => {
    const target = parseTarget(name).create();
    t.teardown(() => target.close());
    const { capabilities } = await target.identify();
    for (const document of DOCUMENTS) {
      for (const dialogue of document.dialogues) {
        if (dialogue.referenceOnly && program !== null) continue;
        if (needsOf(dialogue).some((part) => PARTS.has(part) && !capabilities.has(part))) continue;
        const answered = await perform(target, dialogue);
        t.same(comparable(answered), comparable(dialogue.text), `${document.name}:${dialogue.line}`);
      }
    }
  });
}

/** Parts that not every target has. What a target has not otherwise is a mistake of the example. */
const PARTS: ReadonlySet<string> = new Set(['devices', 'img', 'image-io']);

function needsOf({ text, line }: Pick<Dialogue, 'text' | 'line'>): string[] {
  return derivedRequirements(parseDialogue(text, line));
}

async function perform(target: Target, { text, line }: Dialogue): Promise<string> {
  const steps = parseDialogue(text, line);
  const session = await target.begin({
    id: 'documentation',
    format: text.includes('{format}') ? 'overlay' : 'raw',
    limitMs: 10_000,
    volatileNodes: volatileNodes(steps),
    devices: needsOf({ text, line }).includes('devices'),
  });
  const played: Played = { lines: [], step: 0, allowed: false };
  try {
    await play(
      steps,
      session,
      {
        files: createdFiles(steps),
        within: (request) => request,
        errorId: (desc, errorClass) => errorId(target.kind, desc, errorClass),
        comparable: (lines) => lines,
      },
      played,
    );
  } finally {
    await session.end();
  }
  return normalise('reference', played.lines, [])
    .map((answer) => answer.text)
    .join('\n');
}

/** The prose may lay out what a transcript has on one line, and leave out the word `raw`. */
function comparable(text: string): string[] {
  return text
    .replace(/^-> raw /gm, '-> ')
    .replace(/^((?:->|<-|event) .*(?:\n {3}.*)*)/gm, (message) => message.replace(/\s+/g, ''))
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}
