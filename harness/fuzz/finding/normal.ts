/**
 * What of an observation is chance: rules that take it out, so that one mistake has one signature. They are data, applied
 * in order, each with an example that is its test.
 */
import type { Step } from '../../case/case.js';
import { namesIn } from '../reduce/names.js';

export interface Rule {
  readonly name: string;
  readonly why: string;
  readonly pattern: RegExp;
  readonly by: string;
  /** what it makes of what, when it is applied alone */
  readonly example: readonly [from: string, to: string];
}

/** Applied to every line of an observation, once the names of the history are taken out. */
export const RULES: readonly Rule[] = [
  {
    name: 'process',
    why: 'each process has another number',
    pattern: /\bpid[= ]\d+/g,
    by: 'pid N',
    example: ['killed, pid=4711', 'killed, pid N'],
  },
  {
    name: 'timestamp',
    why: 'when it was',
    pattern: /"timestamp": \{[^}]*\}/g,
    by: '"timestamp": T',
    example: ['{"timestamp": {"seconds": 5, "microseconds": 17}}', '{"timestamp": T}'],
  },
  {
    name: 'hash',
    why: 'a hash says only that the content is another one, which is seen elsewhere',
    pattern: /\b[0-9a-f]{32,}\b/g,
    by: 'HASH',
    example: [`sha256 ${'0f'.repeat(32)}`, 'sha256 HASH'],
  },
  {
    name: 'address',
    why: 'addresses of memory change from run to run',
    pattern: /\b0x[0-9a-f]{6,}\b/g,
    by: 'ADDRESS',
    example: ['at 0x55d0c0ffee00', 'at ADDRESS'],
  },
  {
    name: 'generated name',
    why: 'the number of a generated name is a counter of the whole process',
    pattern: /#[a-z]+\d+/g,
    by: '#NAME',
    example: ['node #block153', 'node #NAME'],
  },
  {
    name: 'path',
    why: 'where a file is depends on the machine',
    pattern: /(?<![\w$])(?:\/[\w.@+-]+){2,}/g,
    by: 'PATH',
    example: ['cannot open /tmp/qbm-1/case/a.img', 'cannot open PATH'],
  },
  {
    name: 'source line',
    why: 'lines move from version to version',
    pattern: /(?:\.\.\/)*((?:[\w-]+\/)*[\w-]+\.[ch]):\d+/g,
    by: '$1',
    example: ['../block/dirty-bitmap.c:361: bdrv', 'block/dirty-bitmap.c: bdrv'],
  },
  {
    name: 'hexadecimal number',
    why: 'patterns are drawn',
    pattern: /\b0x[0-9a-f]+\b/g,
    by: 'N',
    example: ['found 0x2a', 'found N'],
  },
  {
    name: 'number',
    why: 'sizes and offsets are drawn',
    pattern: /(?<![\w.])-?\d+(?:\.\d+)?(?![\w.])/g,
    by: 'N',
    example: ['count 65536, of 1.5 s', 'count N, of N s'],
  },
  {
    name: 'sizes in words',
    why: 'sizes are drawn',
    pattern: /\bN ?(?:[KMGTPE]i?B?|bytes|B)\b/g,
    by: 'SIZE',
    example: ['N MiB', 'SIZE'],
  },
  {
    name: 'areas',
    why: 'how many areas there are is drawn, too',
    pattern: /\bN\+N(?: N\+N)*/g,
    by: 'AREAS',
    example: ['dirty N+N N+N', 'dirty AREAS'],
  },
  {
    name: 'repeated items',
    why: 'how long a list is, is drawn, too',
    pattern: /([A-Z]+)(?:, \1)+\b/g,
    by: '$1s',
    example: ['[N, N, N]', '[Ns]'],
  },
  {
    name: 'repeated characters',
    why: 'how long a name is, is drawn',
    pattern: /([A-Za-z])\1{15,}/g,
    by: '$1…',
    example: [`name "${'x'.repeat(1024)}"`, 'name "x…"'],
  },
];

const KINDS = {
  node: 'NODE',
  bitmap: 'BITMAP',
  job: 'JOB',
  export: 'EXPORT',
  file: 'FILE',
  connection: 'CLIENT',
};

/** Takes the names out that these steps give to things, then applies the rules. */
export function normaliser(steps: readonly Step[]): (line: string) => string {
  const names = [...namesIn(steps)]
    .filter(([name]) => /^[A-Za-z0-9_.#-]+$/.test(name))
    .sort(([a], [b]) => b.length - a.length);
  const kinds = new Map<string, string>(names.map(([name, kind]) => [name, KINDS[kind]]));
  const pattern = new RegExp(
    `(?<![A-Za-z0-9_.])(?:${names.map(([name]) => name.replaceAll('.', '\\.')).join('|')})(?![A-Za-z0-9_])`,
    'g',
  );
  return (line) => {
    // A name that is also a word of the language stays a member: `"device":`.
    const unnamed =
      names.length === 0
        ? line
        : line.replace(pattern, (name, at: number) =>
            line[at - 1] === '"' && line.startsWith('":', at + name.length) ? name : kinds.get(name)!,
          );
    return normal(unnamed);
  };
}

/** The rules alone. */
export function normal(line: string): string {
  return RULES.reduce((text, { pattern, by }) => text.replace(pattern, by), line).trim();
}
