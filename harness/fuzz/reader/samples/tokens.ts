/**
 * A text that may once have been JSON, cut into tokens that join to the same text, and where values and members stand in
 * it: for changes that keep most of a descriptor's structure. Never fails, whatever the text is.
 */

const TOKEN = /"(?:[^"\\]|\\[\s\S])*"?|[{}[\],:]|[ \t\n\r]+|[^ \t\n\r"{}[\],:]+/g;

export function tokensOf(text: string): string[] {
  return text.match(TOKEN) ?? [];
}

/** Tokens from `start` up to, not including, `end`. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

export interface Member extends Range {
  /** its name, as it is written with quotes */
  readonly name: string;
  readonly value: Range;
}

export interface Structure {
  readonly values: readonly Range[];
  readonly members: readonly Member[];
  /** between the brackets of the objects */
  readonly objects: readonly Range[];
}

/** Values, members and objects, the outer ones after those inside them. */
export function structureOf(tokens: readonly string[]): Structure {
  const found = { values: [] as Range[], members: [] as Member[], objects: [] as Range[] };
  let at = 0;
  const space = (): void => {
    while (at < tokens.length && tokens[at]!.trim() === '') at++;
  };
  const value = (depth: number): Range => {
    space();
    const start = at;
    const opening = tokens[at];
    if (depth > 0 && (opening === '{' || opening === '[')) {
      at++;
      inside(opening, start, depth - 1);
    } else at = Math.min(at + 1, tokens.length);
    const range = { start, end: at };
    found.values.push(range);
    return range;
  };
  const inside = (opening: string, start: number, depth: number): void => {
    const closing = opening === '{' ? '}' : ']';
    for (space(); at < tokens.length && tokens[at] !== closing; space()) {
      if (tokens[at] === ',') at++;
      else if (opening === '[') value(depth);
      else member(depth);
    }
    if (opening === '{') found.objects.push({ start: start + 1, end: at });
    at = Math.min(at + 1, tokens.length);
  };
  const member = (depth: number): void => {
    const start = at++;
    space();
    if (tokens[at] !== ':') return;
    at++;
    const range = value(depth);
    found.members.push({ start, end: range.end, name: tokens[start]!, value: range });
  };
  // Deeper than any reader goes, and not too deep for this one.
  while (at < tokens.length) value(64);
  return found;
}

/** The text with the tokens of a range replaced. */
export function replaced(tokens: readonly string[], { start, end }: Range, by: string): string {
  return tokens.slice(0, start).join('') + by + tokens.slice(end).join('');
}

export function textOf(tokens: readonly string[], { start, end }: Range): string {
  return tokens.slice(start, end).join('');
}

/** The text without a member, and without the comma that it leaves. */
export function without(tokens: readonly string[], { start, end }: Range): string {
  const before = tokens.slice(0, start).join('');
  const after = tokens.slice(end).join('');
  if (/^\s*,/.test(after)) return before + after.replace(/^\s*,/, '');
  return before.replace(/,\s*$/, '') + after;
}
