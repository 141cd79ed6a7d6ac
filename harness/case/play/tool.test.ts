import fc from 'fast-check';
import t from 'tap';
import { Declined, type Session, type ToolOutcome } from '../../target/target.js';
import type { ToolAction } from '../case.js';
import { parseCase } from '../load/load.js';
import { ProblemError, problemText } from '../load/problem.js';
import { parseToolQuestion } from '../tool-dialogue.js';
import { performTool, restoreFormat, toolLines } from './tool.js';

const PLACE = { file: 'x.yaml', area: 'demo', slug: 'x' };

function load(step: string) {
  return parseCase(`id: x\ntitle: A title\nrules: [REF-001]\nsteps:\n  - ${step}\n`, PLACE);
}

function problem(step: string): string {
  try {
    load(step);
    return 'none';
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    return error.problems.map(problemText).join('\n');
  }
}

t.test('steps that run tools, as cases have them', async (t) => {
  const text = load(`img: create -f {format} "a b" 1M`);
  t.same(text.steps[0]!.action, { verb: 'img', words: ['create', '-f', '{format}', 'a b', '1M'] });
  t.same(text.requires, ['img', 'img:create']);
  t.same(load('img: nonsense').requires, ['img']);
  t.same(load('img: [info, ""]').steps[0]!.action, { verb: 'img', words: ['info', ''] });
  const io = load(`image-io: {image: top, options: -r -n, run: [read 0 1, quit]}`);
  t.same(io.requires, ['image-io']);
  t.same(io.steps[0]!.action, {
    verb: 'image-io',
    image: 'top',
    options: ['-r', '-n'],
    commands: ['read 0 1', 'quit'],
    by: 'option',
  });
  t.match(load('image-io: {input: [open top]}').steps[0]!.action, { image: null, options: [], by: 'stdin' });
  t.match(load('either: {step: {img: info x}, outcomes: [[a], [b]]}').requires, ['img', 'img:info']);
  t.match(problem(`img: 'info "x'`), /x\.yaml:5:.*open "/);
  t.match(problem('image-io: {image: top, run: [a], input: [b]}'), /x\.yaml:5/);
  t.match(problem('image-io: {image: top}'), /x\.yaml:5/);
  t.match(problem('img: []'), /x\.yaml:5/);
});

t.test('what is asked can be read back', async (t) => {
  const word = fc.oneof(
    fc.constantFrom(
      'top',
      '$base',
      '{format}',
      "it's",
      'a b',
      '',
      'json:{"a": "b, c"}',
      '--output=json',
      'x,',
      '"',
    ),
    fc.string({ minLength: 1, maxLength: 6, unit: fc.constantFrom('a', ' ', "'", '"', '\\', ',', '-', '$') }),
  );
  const option = fc.tuple(fc.constantFrom('-r', '-f', '--image-opts'), fc.array(word, { maxLength: 2 }));
  const action: fc.Arbitrary<ToolAction> = fc.oneof(
    fc.record({ verb: fc.constant('img' as const), words: fc.array(word, { minLength: 1, maxLength: 4 }) }),
    fc.record({
      verb: fc.constant('image-io' as const),
      image: fc.option(word.filter((text) => text !== '')),
      options: fc.array(option, { maxLength: 2 }).map((list) => list.flat(2)),
      commands: fc.array(fc.constantFrom('read 0 1', 'quit', "write -P '1'"), { minLength: 1, maxLength: 3 }),
      by: fc.constantFrom('option' as const, 'stdin' as const),
    }),
  );
  fc.assert(
    fc.property(action, (asked) => {
      t.same(parseToolQuestion(toolLines(asked).join('\n')), asked);
    }),
  );
});

interface Call {
  readonly tool: string;
  readonly args: readonly string[];
  readonly input: string;
}

async function perform(
  action: ToolAction,
  outcome: Partial<ToolOutcome>,
  calls: Call[] = [],
): Promise<string[]> {
  const run = async (tool: string, args: readonly string[], input: string): Promise<ToolOutcome> => {
    calls.push({ tool, args, input });
    return { code: 0, stdout: '', stderr: '', ...outcome };
  };
  const session = { directory: '/case', tools: { formatName: 'qcow2', run } } as unknown as Session;
  return performTool(action, session, new Set(['top']), (request) => request);
}

t.test('words are resolved, answers restored', async (t) => {
  const calls: Call[] = [];
  const img: ToolAction = { verb: 'img', words: ['rebase', '-F', '{format}', '-b', '$base', '$top'] };
  const lines = await perform(
    img,
    { code: 1, stdout: "Formatting '/case/top', fmt=qcow2\n\nqcow2\n", stderr: 'qemu-img: a\tb\n' },
    calls,
  );
  t.same(calls, [{ tool: 'img', args: ['rebase', '-F', 'qcow2', '-b', '$base', '/case/top'], input: '' }]);
  t.same(lines, ["   Formatting '$top', fmt={format}", '', '   qcow2', '   ! qemu-img: a\\tb', '   exit 1']);
  t.same(
    await perform(img, {
      stdout:
        'image: json:{"driver": "qcow2", "backing": {"b": "}", "a": 1}}, x\n    (0/100%)\r    (1/100%)\r',
    }),
    [
      '   image: json:{"backing": {"a": 1, "b": "}"}, "driver": "{format}"}, x',
      '       (0/100%)',
      '       (1/100%)',
    ],
  );
});

t.test('how an image is opened', async (t) => {
  const asked = async (
    action: Omit<Extract<ToolAction, { verb: 'image-io' }>, 'verb' | 'by'>,
    by: 'option' | 'stdin',
  ) => {
    const calls: Call[] = [];
    await perform({ verb: 'image-io', ...action, by }, {}, calls);
    return calls[0];
  };
  const commands = ['open {format}', 'quit'];
  t.same((await asked({ image: 'top', options: ['-r'], commands }, 'option'))?.args, [
    ...['-f', 'qcow2', '-r', '-c', 'open qcow2', '-c', 'quit', 'top'],
  ]);
  t.same(await asked({ image: 'json:{}', options: ['-r'], commands }, 'stdin'), {
    tool: 'io',
    args: ['-r', 'json:{}'],
    input: 'open qcow2\nquit\n',
  });
  t.same((await asked({ image: 'a', options: ['--image-opts'], commands }, 'stdin'))?.args, [
    '--image-opts',
    'a',
  ]);
  t.same((await asked({ image: 'a', options: ['-f', 'raw'], commands }, 'stdin'))?.args, ['-f', 'raw', 'a']);
  t.same((await asked({ image: null, options: [], commands }, 'stdin'))?.args, []);
});

t.test('a session without tools declines', async (t) => {
  const session = { directory: null } as unknown as Session;
  await t.rejects(
    performTool({ verb: 'img', words: ['x'] }, session, new Set(), (one) => one),
    Declined,
  );
});

t.test('format-name: the name where it is a format, and not in names of files', async (t) => {
  for (const [line, expected] of [
    [
      "Formatting 'raw', fmt=raw size=1 backing_file=raw backing_fmt=raw",
      "Formatting 'raw', fmt={format} size=1 backing_file=raw backing_fmt={format}",
    ],
    ['file format: raw', 'file format: {format}'],
    ['backing file: raw', 'backing file: raw'],
    ['    "format": "raw", "filename": "raw"', '    "format": "{format}", "filename": "raw"'],
    [
      "Could not open 'raw': Image is not in raw format",
      "Could not open 'raw': Image is not in {format} format",
    ],
    ["Block format 'raw' does not", "Block format '{format}' does not"],
    ['file format: rawest', 'file format: rawest'],
  ] as const) {
    t.equal(restoreFormat(line, 'raw'), expected);
  }
});
