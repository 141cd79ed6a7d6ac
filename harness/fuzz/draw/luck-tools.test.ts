import t from 'tap';
import type { Action } from '../../case/case.js';
import { imgAction } from './actions.js';
import { isLuckOfTools } from './luck-tools.js';
import { ModelRun } from './model-run.js';

function played(...lines: string[]): ModelRun {
  const run = new ModelRun('overlay');
  for (const line of lines) t.match(run.play(tool(line)), { ok: true }, line);
  return run;
}

function tool(line: string): Action {
  return imgAction(...line.split(' '));
}

function requests(image: string, ...commands: string[]): Action {
  return { verb: 'image-io', image, options: [], commands, by: 'option' };
}

const CHAIN = ['create -q -f {format} base 128k', 'create -q -f {format} -b base -F {format} top'] as const;

t.test('what a copy over a backing file shows is luck once that is changed', async (t) => {
  const run = played(...CHAIN, 'convert -O {format} -B base -F {format} top copy');
  t.ok(isLuckOfTools(run, requests('base', 'write 0 64k')));
  t.ok(isLuckOfTools(run, tool('resize base 1M')));
  t.ok(isLuckOfTools(run, tool('commit top')));
  t.ok(isLuckOfTools(run, tool('convert -n -O {format} top base')));
  t.ok(isLuckOfTools(run, tool('create -q -f {format} $base 1M')));
  t.notOk(isLuckOfTools(run, requests('base', 'read 0 64k')));
  t.notOk(isLuckOfTools(run, requests('copy', 'write 0 64k')));
  t.notOk(isLuckOfTools(run, tool('commit copy')), 'it shows the same then');
  t.notOk(isLuckOfTools(run, tool('bitmap --add base b0')));
  run.play(tool('create -q -f {format} copy 1M'));
  t.notOk(isLuckOfTools(run, requests('base', 'write 0 64k')), 'the copy is gone');
  t.notOk(isLuckOfTools(played(...CHAIN), requests('base', 'write 0 64k')));
});

t.test(
  'what a copy over another backing file shows past the end of the one of its source is luck',
  async (t) => {
    const run = played(
      ...CHAIN,
      'create -q -f {format} -b base -F {format} mid 64k',
      'create -q -f {format} -b mid -F {format} longer 128k',
      'create -q -f {format} -b mid -F {format} same',
    );
    t.ok(isLuckOfTools(run, tool('convert -O {format} -B base -F {format} longer copy')));
    t.notOk(
      isLuckOfTools(run, tool('convert -O {format} -B mid -F {format} longer copy')),
      'it shows the same',
    );
    t.notOk(isLuckOfTools(run, tool('convert -O {format} -B base -F {format} same copy')), 'it ends there');
    t.notOk(isLuckOfTools(run, tool('convert -O {format} longer copy')));
  },
);

t.test('how far an image that grows hides what is below is luck', async (t) => {
  const run = played(
    ...CHAIN,
    'create -q -f {format} -b base -F {format} small 64k',
    'create -q -f {format} -u -b small -F {format} large 1M',
  );
  t.ok(isLuckOfTools(run, tool('resize small 262144')));
  t.ok(isLuckOfTools(run, tool('resize small +196608')));
  t.ok(isLuckOfTools(run, tool('commit large')));
  t.notOk(isLuckOfTools(run, tool('resize small 131072')), 'up to the end of the backing file');
  t.notOk(isLuckOfTools(run, tool('resize top 1048576')), 'it was as long');
  t.notOk(isLuckOfTools(run, tool('commit top')));
});
