import { execFileSync } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { loadCase, loadSuite, parseCase } from './load.js';
import { ProblemError, problemText } from './problem.js';

const HEAD = 'id: x\ntitle: A title\nrules: [BMP-001]\n';
const place = { file: 'x.yaml', area: 'demo', slug: 'x' };

/** The problems of a text, as `line:column: message`. */
function problems(text: string): string[] {
  try {
    parseCase(text, place);
    return [];
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    return error.problems.map((problem) => problemText(problem).replace('x.yaml:', ''));
  }
}

function stepProblems(...steps: string[]): string[] {
  return problems(`${HEAD}steps:\n${steps.map((step) => `  - ${step}\n`).join('')}`);
}

t.test('a case', (t) => {
  const found = parseCase(
    `${HEAD}models: [iotests 236]\nformats: [overlay]\nrequires: [resize]\nsteps:
  - open: {node: disk, size: 1M+512, driver: null-co, readOnly: true, discard: ignore}
  - qmp: {block_resize: {node-name: disk, size: 65536}}
  - qmp: {query-block: }
  - io: {node: disk, write: [0, 64K]}
  - io: {node: disk, zero: [0, 512], unmap: true}
  - either: {step: {raw: x}, outcomes: [["   a"], [b]], rule: BMP-002}
`,
    place,
  );
  t.same(found.formats, ['overlay']);
  t.same(found.requires, ['resize', 'command:block_resize', 'command:query-block', 'node', 'qmp']);
  t.same(
    found.steps.map((step) => step.line),
    [8, 9, 10, 11, 12, 13],
  );
  t.match(found.steps[0]!.action, {
    verb: 'open',
    size: 1049088,
    driver: 'null-co',
    readOnly: true,
    discard: 'ignore',
  });
  t.match(found.steps[2]!.action, { command: 'query-block', arguments: undefined });
  t.match(found.steps[3]!.action, { request: { op: 'write', offset: 0, length: 65536, pattern: 0xcd } });
  t.match(found.steps[5]!.action, { outcomes: [['a'], ['b']], rule: 'BMP-002' });
  t.end();
});

t.test('images that outlive the target', (t) => {
  const { steps, requires } = parseCase(
    `${HEAD}steps:
  - open: {node: disk, size: 1M, policy: writethrough}
  - restart: {}
  - open: {node: disk, existing: true, readOnly: true}
  - kill: {}
`,
    place,
  );
  t.same(requires, ['node', 'restart']);
  t.match(steps[0]!.action, { size: 1048576, policy: 'writethrough' });
  t.same(steps[1]!.action, { verb: 'restart' });
  t.match(steps[2]!.action, { size: null, readOnly: true, policy: undefined });
  t.same(steps[3]!.action, { verb: 'kill' });
  t.end();
});

t.test('members of arguments keep the author’s order, and numbers their text', (t) => {
  const { steps } = parseCase(
    `${HEAD}steps: [{qmp: {c: {z: 1, a: 1.50, m: 0x10, s: "1", n: null, t: true}}}]`,
    place,
  );
  const [step] = steps;
  t.equal(step!.action.verb, 'qmp');
  const args = (step!.action as { arguments: object }).arguments as Record<string, unknown>;
  t.same(Object.keys(args), ['z', 'a', 'm', 's', 'n', 't']);
  t.match(args, { z: 1, a: { text: '1.50' }, m: 16, s: '1', n: null, t: true });
  t.end();
});

t.test('mistakes are named where they are', (t) => {
  const cases: [string[], RegExp][] = [
    [stepProblems('opne: {node: disk, size: 1}'), /^5:5: no such verb: "opne", did you mean "open"\?$/],
    [stepProblems('frobnicate: 1'), /^5:5: no such verb: "frobnicate"; verbs are log, create/],
    [stepProblems('{log: a, raw: b}'), /^5:5: a step has one verb, this one has log and raw/],
    [stepProblems('text'), /^5:5: a step is an object with one verb/],
    [
      stepProblems('open: {node: disk, size: 1, sise: 2}'),
      /^5:33: unknown member "sise", did you mean "size"\?$/,
    ],
    [stepProblems('open: {node: disk}'), /^5:5: "size" is missing$/],
    [
      stepProblems('open: {node: disk, existing: true, size: 1}'),
      /^5:40: "size" has no place beside "existing"$/,
    ],
    [
      stepProblems('open: {node: disk, size: 1, driver: null-co}', 'open: {node: disk, existing: true}'),
      /^6:5: no step before this one makes an image for "disk"$/,
    ],
    [stepProblems('open: {node: disk, existing: true, driver: null-co}'), /^5:40: must be one of format$/],
    [stepProblems('restart: {how: quit}'), /^5:15: unknown member "how"/],
    [stepProblems('kill: true'), /^5:5: must be object$/],
    [stepProblems('open: {node: disk, size: 1.5}'), /^5:24: a size is/],
    [stepProblems('open: {node: disk, size: 64k}'), /^5:24: a size is/],
    [stepProblems('open: {node: disk, size: -1}'), /^5:24: a size is/],
    [stepProblems('open: {node: disk, size: 9000P}'), /^5:24: "9000P" is not a size between/],
    [stepProblems('open: {node: disk, size: 1, driver: qcow2}'), /^5:33: must be one of format, null-co$/],
    [
      stepProblems('io: {node: disk, wirte: [0, 1]}'),
      /^5:5: io has exactly one of write.*did you mean "write"/,
    ],
    [
      stepProblems('io: {node: disk, write: [0, 1], read: [0, 1]}'),
      /^5:5: io has exactly one of .*; this has 2/,
    ],
    [stepProblems('io: {node: disk, write: [0]}'), /^5:22: "write" must have at least 2$/],
    [stepProblems('io: {node: disk, discard: [0, 1], fua: true}'), /^5:39: unknown member "fua"/],
    [stepProblems('io: {node: disk, write: [0, 1], pattern: 256}'), /^5:37: must be <= 255$/],
    [stepProblems('qmp: {a: {}, b: {}}'), /^5:5: qmp names exactly one command/],
    [stepProblems('qmp: {a: [1]}'), /^5:11: must be object or null$/],
    [stepProblems('either: {step: {lgo: x}, outcomes: [[a], [b]]}'), /no such verb: "lgo"/],
    [
      stepProblems('either: {step: {qpm: x}, outcomes: [[a], [b]]}'),
      /^5:21: no such verb: "qpm", did you mean "qmp"\?$/,
    ],
    [
      stepProblems('either: {step: {observe: x}, outcomes: [[a]]}'),
      /^5:34: "outcomes" must have at least 2$/,
    ],
    [stepProblems('raw: "a\\nb"'), /^5:5: raw text must be one line$/],
    [stepProblems('create: {file: ../x, size: 1}'), /^5:14: "..\/x" is not a name of a file/],
    [problems(`${HEAD}steps: []\n`), /^4:1: "steps" must have at least 1$/],
    [
      problems(`${HEAD}setps: [{log: x}]\n`),
      /^1:1: "steps" is missing\n4:1: unknown member "setps", did you mean "steps"\?$/,
    ],
    [
      problems('id: X y\ntitle: a\nrules: [BMP-1]\nsteps: [{log: x}]\n'),
      /^1:1: "X y" is not a slug.*\n3:9: "BMP-1" is not the id/,
    ],
    [
      problems('id: y\ntitle: a\nrules: [BMP-001]\nsteps: [{log: x}]\n'),
      /^1:1: the id is "y" but the file is called "x.yaml"$/,
    ],
    [problems(`${HEAD}formats: [qcow2]\nsteps: [{log: x}]\n`), /^4:11: must be one of any, raw, overlay$/],
  ];
  for (const [found, wanted] of cases) t.match(found.join('\n'), wanted);
  t.end();
});

t.test('all mistakes of a file at once, in order', (t) => {
  t.same(
    stepProblems('opne: {}', 'log: 1', 'io: {node: d, flush: false}').map((text) => text.split(':')[0]),
    ['5', '6', '7'],
  );
  t.end();
});

t.test('hostile YAML', (t) => {
  const bomb = `a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n`;
  const cases: [string[], RegExp][] = [
    [problems(''), /^1:1: the file is empty$/],
    [problems('# only a remark\n'), /the file is empty/],
    [problems(bomb), /^1:4: anchors \(&name\) are not used here/],
    [problems(bomb), /2:8: aliases \(\*name\) are not used here/],
    [problems(`${HEAD}steps: [{log: x}]\n---\nid: y\n`), /2 documents in one file/],
    [problems('- id: x\n'), /^1:1: must be object$/],
    [problems('text'), /^1:1: must be object$/],
    [problems(`${HEAD}title: again\nsteps: [{log: x}]\n`), /^4:1: "title" stands here twice$/],
    [problems('id: !!js/function x\n'), /^1:5: tags \(!name\) are not used here$/],
    [problems('%YAML 1.2\n---\nid: x\n'), /directives/],
    [problems('id:\n\t- x\n'), /^2:1: tab characters must not be used in indentation$/],
    [problems('id: [1,\n'), /^2:1: deficient indentation/],
    [problems(`${'['.repeat(200)}${']'.repeat(200)}`), /nesting|depth|deep/i],
    [problems('? [a]\n: b\n'), /a name of a member must be a plain text/],
    [
      stepProblems('qmp: {c: {n: 9007199254740993}}'),
      /^5:18: 9007199254740993 is beyond 2\^53-1.*`raw:` text$/,
    ],
    [stepProblems('qmp: {c: {n: .inf}}'), /^5:18: .inf is not a number that JSON has$/],
    [stepProblems('qmp: {c: {n: 1.}}'), /^5:18: 1. is not how JSON writes a number/],
    [problems('a: \u0007\n'), /character/],
  ];
  for (const [found, wanted] of cases) t.match(found.join('\n'), wanted);
  t.equal(
    problems('id: __proto__\n__proto__: {x: 1}\n').some((text) =>
      text.includes('unknown member "__proto__"'),
    ),
    true,
  );
  t.end();
});

t.test('files that are no files', (t) => {
  const good = (id: string): string => `id: ${id}\ntitle: T\nrules: [BMP-001]\nsteps: [{log: x}]\n`;
  const dir = t.testdir({
    cases: {
      one: {
        'a.yaml': good('a'),
        'b.yaml': good('b'),
        'b-c.yaml': good('b-c'),
        'd.yaml': {},
        'README.md': 'no case',
      },
      two: {
        'a.yaml': good('a'),
        'big.yaml': `#${'x'.repeat(2 ** 20)}`,
        'latin.yaml': Buffer.from([0x69, 0xe4]),
        'c.yml': '',
      },
      'loose.yaml': good('loose'),
    },
    'elsewhere.yaml': good('elsewhere'),
  });
  const cases = join(dir, 'cases');
  execFileSync('mkfifo', [join(cases, 'two', 'fifo.yaml')]);
  symlinkSync('../../elsewhere.yaml', join(cases, 'two', 'elsewhere.yaml'));
  symlinkSync('nothing', join(cases, 'two', 'nowhere.yaml'));
  const suite = loadSuite(cases);
  t.same(
    suite.cases.map(({ area, id }) => `${area}/${id}`),
    ['one/a', 'one/b', 'one/b-c'],
  );
  const found = suite.problems
    .map((problem) => `${problem.file.replace(/.*cases\//, '')}: ${problem.message}`)
    .sort();
  t.match(found, [
    'loose.yaml: a case stands in the directory of its area',
    'one/d.yaml: is a directory',
    /^two\/a\.yaml: the id "a" is already that of .*one\/a\.yaml: ids are unique$/,
    'two/big.yaml: has 1048577 bytes: at most 1048576 are read',
    'two/c.yml: is not read: call it .yaml',
    'two/elsewhere.yaml: is a symbolic link that leaves',
    'two/fifo.yaml: is not a regular file',
    'two/latin.yaml: is not UTF-8 text',
    'two/nowhere.yaml: is a symbolic link to nothing',
  ]);
  t.throws(() => loadCase(join(cases, 'none.yaml')), /cannot be opened: ENOENT/);
  t.match(loadSuite(join(dir, 'none')).problems, [{ message: 'no such directory of cases' }]);
  t.end();
});
