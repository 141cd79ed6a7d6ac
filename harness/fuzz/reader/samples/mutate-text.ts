/** Changes to a descriptor that know where its values and members are, so that most of what comes out is still JSON. */
import { MEMBERS, NAMES, NUMBERS, SPACES, STRINGS, VALUES } from './interesting.js';
import type { Random } from './random.js';
import { type Range, replaced, type Structure, structureOf, textOf, tokensOf, without } from './tokens.js';

/** A text, cut up, and what else there is to take from. */
interface Cut {
  readonly tokens: readonly string[];
  readonly structure: Structure;
  /** another descriptor */
  readonly other: string;
  /** names of the files that are there */
  readonly files: readonly string[];
}

/** Gives the changed text, or null where the text has nothing to be changed so. */
type Change = (cut: Cut, random: Random) => string | null;

/** @param other another descriptor, to take pieces of @param files names of files that are there */
export function mutateText(text: string, random: Random, other: string, files: readonly string[]): string {
  const tokens = tokensOf(text);
  const cut = { tokens, structure: structureOf(tokens), other, files };
  for (let attempt = 0; attempt < 8; attempt++) {
    const changed = random.pick(random.oneIn(12) ? ROUGH : CHANGES)(cut, random);
    if (changed !== null && changed !== text) return changed;
  }
  return `${text} `;
}

const quoted = (inner: string): string => `"${inner}"`;

function pick<T>(random: Random, of: readonly T[]): T | null {
  return of.length === 0 ? null : random.pick(of);
}

/** Whatever a value may be replaced by. */
function anyValue({ tokens, structure, other, files }: Cut, random: Random): string {
  switch (random.below(7)) {
    case 0:
      return random.pick(NUMBERS);
    case 1:
      return random.pick(VALUES);
    case 2:
      return quoted(random.pick(STRINGS));
    case 3:
      return JSON.stringify(pick(random, files) ?? 'x');
    case 4:
      return `{${random.pick(MEMBERS)}}`;
    case 5: {
      const foreign = tokensOf(other);
      const value = pick(random, structureOf(foreign).values);
      return value === null ? 'null' : textOf(foreign, value);
    }
    default: {
      const value = pick(random, structure.values);
      return value === null ? 'null' : textOf(tokens, value);
    }
  }
}

const replaceValue: Change = (cut, random) => {
  const value = pick(random, cut.structure.values);
  return value === null ? null : replaced(cut.tokens, value, anyValue(cut, random));
};

/** By one of the same kind: a number by a number, a text by a text. */
const editScalar: Change = ({ tokens, structure, files }, random) => {
  const scalars = structure.values.filter(
    ({ start, end }) => end === start + 1 && /^[^{[]/.test(tokens[start]!),
  );
  const at = pick(random, scalars);
  if (at === null) return null;
  const token = tokens[at.start]!;
  if (token.startsWith('"')) {
    const name = pick(random, files);
    const isFile = name !== null && random.oneIn(3);
    return replaced(tokens, at, isFile ? JSON.stringify(name) : editedString(token, random));
  }
  const near = random.pick(['0', '.0', 'e0', '1', '.']);
  return replaced(tokens, at, random.oneIn(4) ? token + near : random.pick(NUMBERS));
};

function editedString(token: string, random: Random): string {
  const inner = token.replace(/^"|"$/g, '');
  const at = random.below(inner.length + 1);
  const c = inner[at] ?? 'x';
  switch (random.below(6)) {
    case 0:
      return quoted(random.pick(STRINGS));
    case 1:
      return quoted(inner.slice(0, at) + random.pick(STRINGS) + inner.slice(at));
    case 2: // the same text, written otherwise
      return quoted(
        `${inner.slice(0, at)}\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}${inner.slice(at + 1)}`,
      );
    case 3:
      return quoted(inner.slice(0, at) + inner.slice(at + 1));
    case 4:
      return quoted(
        inner.slice(0, at) +
          (c === c.toUpperCase() ? c.toLowerCase() : c.toUpperCase()) +
          inner.slice(at + 1),
      );
    default:
      return quoted(inner + inner);
  }
}

const renameMember: Change = ({ tokens, structure }, random) => {
  const member = pick(random, structure.members);
  if (member === null) return null;
  const at = { start: member.start, end: member.start + 1 };
  return replaced(
    tokens,
    at,
    random.oneIn(2) ? quoted(random.pick(NAMES)) : editedString(member.name, random),
  );
};

const deleteMember: Change = ({ tokens, structure }, random) => {
  const member = pick(random, structure.members);
  return member === null ? null : without(tokens, member);
};

/** The same name twice, perhaps written otherwise, perhaps with another value. */
const duplicateMember: Change = (cut, random) => {
  const { tokens, structure } = cut;
  const member = pick(random, structure.members);
  if (member === null) return null;
  const name = random.oneIn(2)
    ? member.name
    : member.name.replace(/^"(.)/, (_, c: string) => `"\\u00${hex(c)}`);
  const value = random.oneIn(2) ? textOf(tokens, member.value) : anyValue(cut, random);
  const twin = `${name}: ${value}`;
  const own = textOf(tokens, member);
  return replaced(tokens, member, random.oneIn(2) ? `${own}, ${twin}` : `${twin}, ${own}`);
};

function hex(c: string): string {
  return (c.charCodeAt(0) & 0xff).toString(16).padStart(2, '0');
}

/** A member that was in another object, or nowhere. */
const addMember: Change = ({ tokens, structure }, random) => {
  const object = pick(random, structure.objects);
  if (object === null) return null;
  const member = pick(random, structure.members);
  const text = member === null || random.oneIn(2) ? random.pick(MEMBERS) : textOf(tokens, member);
  const inside = textOf(tokens, object);
  if (inside.trim() === '') return replaced(tokens, object, text);
  return replaced(tokens, object, random.oneIn(2) ? `${text}, ${inside}` : `${inside}, ${text}`);
};

/** A whole bitmap again under another name: with its file, or another. */
const addBitmap: Change = ({ tokens, structure }, random) => {
  const bitmaps = structure.members.filter(({ value }) => textOf(tokens, value).includes('granularity'));
  const member = pick(random, bitmaps);
  if (member === null) return null;
  const value = textOf(tokens, member.value);
  const other = random.oneIn(2)
    ? value
    : value.replace(/("file"\s*:\s*)"[^"]*"/, `$1"twin${random.below(3)}"`);
  return replaced(tokens, member, `${textOf(tokens, member)}, "twin${random.below(3)}": ${other}`);
};

const nest: Change = ({ tokens, structure }, random) => {
  const value = pick(random, structure.values);
  if (value === null) return null;
  const depth = random.pick([1, 2, 28, 29, 30, 31, 32, 33, 40, 2000]);
  const [open, close] = random.oneIn(2) ? ['[', ']'] : ['{"x":', '}'];
  return replaced(tokens, value, open.repeat(depth) + textOf(tokens, value) + close.repeat(depth));
};

/** In the text of an unknown extension nesting is allowed up to the limit. */
const nestExtension: Change = ({ tokens, structure }, random) => {
  const object = pick(random, structure.objects);
  if (object === null || textOf(tokens, object).trim() === '') return null;
  const depth = 26 + random.below(7);
  return replaced(
    tokens,
    object,
    `"ext-soft-n": ${'['.repeat(depth)}${']'.repeat(depth)}, ${textOf(tokens, object)}`,
  );
};

const changeToken: Change = ({ tokens }, random) => {
  if (tokens.length === 0) return null;
  const start = random.below(tokens.length);
  const end = Math.min(tokens.length, start + 1 + (random.oneIn(3) ? random.below(6) : 0));
  const range: Range = { start, end };
  const own = textOf(tokens, range);
  switch (random.below(4)) {
    case 0:
      return replaced(tokens, range, '');
    case 1:
      return replaced(tokens, range, own + own);
    case 2:
      return replaced(tokens, range, random.pick(SPACES));
    default:
      return replaced(tokens, range, random.pick(tokens));
  }
};

const addSpace: Change = ({ tokens }, random) => {
  const start = random.below(tokens.length + 1);
  return replaced(tokens, { start, end: start }, random.pick(SPACES));
};

const splice: Change = ({ tokens, other }, random) => {
  const foreign = tokensOf(other);
  const at = random.below(tokens.length + 1);
  return tokens.slice(0, at).join('') + foreign.slice(random.below(foreign.length + 1)).join('');
};

const CHANGES: readonly Change[] = [
  ...[
    replaceValue,
    editScalar,
    editScalar,
    editScalar,
    editScalar,
    renameMember,
    deleteMember,
    duplicateMember,
  ],
  ...[addMember, addMember, addMember, addBitmap, addBitmap, nest, nestExtension, changeToken, addSpace],
];

/** Most of these are no JSON any more. */
const ROUGH: readonly Change[] = [changeToken, changeToken, addSpace, splice, nest, renameMember];
