/**
 * The examples of the prose, fenced blocks marked `qmp` in spec/, executed on the reference: each must answer what
 * is printed there.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { errorId } from '../cli/known.js';
import { packageRoot } from '../cli/environment.js';
import { filesBelow } from '../rules/scan.js';
import { parseTarget } from '../target/parse.js';
import { createdFiles, volatileNodes } from './case.js';
import { dialoguesIn, parseDialogue } from './dialogue.js';
import { type Played, play } from './play/play.js';

const ROOT = packageRoot();

/** Its examples are about bytes and envelopes below a session: spec/qmp/monitor.test.ts executes them. */
const ELSEWHERE = join(ROOT, 'spec', 'qmp', 'QMP.md');

for (const file of filesBelow(join(ROOT, 'spec'), '.md')) {
  const dialogues = dialoguesIn(readFileSync(file, 'utf8'));
  if (dialogues.length === 0 || file === ELSEWHERE) continue;
  t.test(file.slice(ROOT.length + 1), async (t) => {
    const target = parseTarget('reference').create();
    t.teardown(() => target.close());
    for (const { text, line } of dialogues) {
      const steps = parseDialogue(text, line);
      const context = { id: 'documentation', format: 'raw', limitMs: 10_000, volatileNodes: volatileNodes(steps) };
      const session = await target.begin(context);
      const played: Played = { lines: [], step: 0, allowed: false };
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
      await session.end();
      const answered = played.lines.map((answer) => answer.text).join('\n');
      t.equal(comparable(answered), comparable(text), `line ${line}`);
    }
  });
}

/** White space and the word `raw` do not count: the prose may lay out what a transcript has on one line. */
function comparable(text: string): string {
  return text.replace(/^-> raw /gm, '-> ').replace(/\s+/g, '');
}
