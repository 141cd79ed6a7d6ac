/** The steps about the QBM format: how they are read, and what is said of mistakes in them. */
import t from 'tap';
import { parseCase } from './load.js';
import { ProblemError, problemText } from './problem.js';

const HEAD = 'id: x\ntitle: A title\nrules: [QBM-001]\nsteps:\n';
const PLACE = { file: 'x.yaml', area: 'demo', slug: 'x' };

function problems(step: string): string {
  try {
    parseCase(`${HEAD}  - ${step}\n`, PLACE);
    return 'none';
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    return error.problems.map((problem) => problemText(problem).replace('x.yaml:', '')).join('\n');
  }
}

t.test('files, descriptors and checks', (t) => {
  const { steps, requires } = parseCase(
    `${HEAD}
  - file: {name: vm/disk.data, size: 64K+1}
  - file: {name: b0, hex: 05 02}
  - file: {name: b1, fill: [0xff, 1K]}
  - file: {name: disk.qbm, text: '{NAME', with: {NAME: {text: x, times: 1023}, N: {hex: ff}}}
  - descriptor: {open: disk.qbm}
  - descriptor: {open: disk.qbm, trust: local, verify: checksums}
  - check: {image: disk.qbm}
  - either: {step: {check: {image: disk.qbm, trust: stranger}}, outcomes: [[a], [b]]}
`,
    PLACE,
  );
  t.same(requires, ['format']);
  t.same(
    steps.map(({ action }) => action),
    [
      { verb: 'file', file: 'vm/disk.data', content: { kind: 'size', size: 65537 } },
      { verb: 'file', file: 'b0', content: { kind: 'hex', hex: '05 02' } },
      { verb: 'file', file: 'b1', content: { kind: 'fill', byte: 255, size: 1024 } },
      {
        verb: 'file',
        file: 'disk.qbm',
        content: {
          kind: 'text',
          text: '{NAME',
          pieces: [
            ['NAME', { text: 'x', times: 1023 }],
            ['N', { hex: 'ff' }],
          ],
        },
      },
      { verb: 'descriptor', file: 'disk.qbm', trust: 'stranger', verify: false },
      { verb: 'descriptor', file: 'disk.qbm', trust: 'local', verify: true },
      { verb: 'check', file: 'disk.qbm', trust: 'stranger', repair: false },
      {
        verb: 'either',
        action: { verb: 'check', file: 'disk.qbm', trust: 'stranger', repair: false },
        outcomes: [['a'], ['b']],
        rule: undefined,
      },
    ],
  );
  const repairing = parseCase(`${HEAD}  - check: {image: d, repair: true}\n`, PLACE);
  t.same(repairing.requires, ['format', 'repair']);
  t.end();
});

t.test('mistakes in them', (t) => {
  const cases: [step: string, message: string | RegExp][] = [
    ['file: {name: a}', '5:5: a file has one of text, hex, size, fill; "with" stands beside "text"'],
    ['file: {name: a, size: 1, hex: ff}', /^5:5: a file has one of text/],
    ['file: {name: a, size: 1, with: {N: {text: x}}}', /^5:5: a file has one of text/],
    ['file: {name: a, hex: 05}', '5:21: must be string'],
    ['file: {name: a, hex: FF}', '5:21: "FF" is not bytes: two lower-case digits each, a space between'],
    ['file: {name: a, fill: [256, 1]}', '5:28: must be <= 255'],
    ['file: {name: a, fill: [1, 5M]}', '5:21: at most 4194304 bytes but for zeros'],
    ['file: {name: a, size: 1k}', /^5:21: a size is an integer/],
    ['file: {name: /a, size: 1}', '5:12: "/a" is not a path below the directory of the case'],
    ['file: {name: a/../b, size: 1}', /^5:12: .* is not a path below/],
    ['file: {name: ./b, size: 1}', /^5:12: .* is not a path below/],
    ['file: {name: b/, size: 1}', /^5:12: .* is not a path below/],
    ['file: {name: a, text: b, with: {N: {text: x}}}', '5:37: "N" does not occur in the text'],
    [
      'file: {name: a, text: N, with: {N: {text: xxx, times: 2000000}}}',
      '5:37: is more than 4194304 bytes long',
    ],
    ['file: {name: a, text: NNN, with: {N: {text: x, times: 2000000}}}', /^5:5: 6000000 bytes are too many/],
    ['file: {name: a, text: n, with: {n: {text: x}}}', /^5:\d+: /],
    ['file: {name: a, text: N, with: {N: {text: x, hex: ff}}}', /^5:37: /],
    ['descriptor: {open: a, trust: friend}', '5:27: must be one of stranger, local'],
    ['descriptor: {image: a}', /"open" is missing/],
    ['check: {open: a}', /"image" is missing/],
    ['check: {image: a, repair: false}', /^5:23: must be equal to constant/],
    ['either: {step: {file: {name: a, size: 1}}, outcomes: [[a], [b]]}', /^5:21: no such verb: "file"/],
  ];
  for (const [step, message] of cases) {
    if (typeof message === 'string') t.equal(problems(step), message);
    else t.match(problems(step), message, step);
  }
  t.equal(problems('file: {name: ...a/b..c, size: 1}'), 'none');
  t.end();
});
