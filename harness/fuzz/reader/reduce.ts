/** Makes a sample smaller while it still shows what it shows. */
import {
  bytesOfText,
  type Content,
  descriptorsIn,
  type Sample,
  sizeOf,
  textIn,
  withFile,
} from './samples/sample.js';
import { replaced, structureOf, tokensOf, without } from './samples/tokens.js';

/** How many smaller samples are tried at most. */
const TRIES = 1500;

/** @param shows whether a sample still does */
export async function reduced(sample: Sample, shows: (sample: Sample) => Promise<boolean>): Promise<Sample> {
  let best = sample;
  let left = TRIES;
  for (let isSmaller = true; isSmaller && left > 0; ) {
    isSmaller = false;
    // After a success it goes on at the same place: what was before it has just been tried in vain.
    let place = 0;
    for (let isOver = false; !isOver; ) {
      isOver = true;
      let skipped = 0;
      for (const candidate of smaller(best)) {
        if (skipped++ < place) continue;
        if (left-- <= 0) break;
        if (await shows(candidate)) {
          [best, isSmaller, isOver] = [candidate, true, false];
          break;
        }
        place++;
      }
    }
  }
  return best;
}

/** The large steps first. */
function* smaller(sample: Sample): Generator<Sample> {
  for (const name of sample.files.keys()) yield withFile(sample, name, null);
  const descriptors = descriptorsIn(sample);
  for (const step of [fewerMembers, simplerValues, fewerTokens, fewerCharacters]) {
    for (const name of descriptors) {
      const text = textIn(sample.files.get(name));
      if (text === null) continue;
      for (const shorter of step(text))
        if (shorter !== text) yield withFile(sample, name, bytesOfText(shorter));
    }
  }
  for (const [name, content] of sample.files)
    for (const shorter of shorterContents(content, descriptors.includes(name)))
      yield withFile(sample, name, shorter);
}

function* fewerMembers(text: string): Generator<string> {
  const tokens = tokensOf(text);
  yield tokens.filter((token) => token.trim() !== '').join('');
  for (const member of structureOf(tokens).members.toReversed()) yield without(tokens, member);
}

function* simplerValues(text: string): Generator<string> {
  const tokens = tokensOf(text);
  for (const value of structureOf(tokens).values) {
    const token = tokens[value.start]!;
    if (value.end - value.start > 1)
      for (const simple of ['null', '{}', '[]']) yield replaced(tokens, value, simple);
    else if (token === '"qbm"') yield replaced(tokens, value, '"raw"');
    else if (token.length > 5) yield replaced(tokens, value, token.startsWith('"') ? '"a"' : '0');
  }
}

function* fewerTokens(text: string): Generator<string> {
  const tokens = tokensOf(text);
  for (let size = tokens.length >> 1; size >= 1; size >>= 1)
    for (let start = 0; start < tokens.length; start += size)
      yield replaced(tokens, { start, end: start + size }, '');
}

/** Of what is short already. */
function* fewerCharacters(text: string): Generator<string> {
  if (text.length > 400) return;
  for (let at = 0; at < text.length; at++) yield text.slice(0, at) + text.slice(at + 1);
}

function* shorterContents(content: Content, isDescriptor: boolean): Generator<Content> {
  const size = sizeOf(content);
  if (typeof content !== 'number') {
    if (isDescriptor && textIn(content) !== null) return;
    if (content.every((byte) => byte === 0)) yield size;
    for (let piece = size >> 1; piece >= 1; piece >>= 1)
      for (let at = 0; at < size; at += piece)
        yield Uint8Array.from([...content.subarray(0, at), ...content.subarray(at + piece)]);
    return;
  }
  for (const less of [0, 1, 512, 65536, Math.floor(size / 2), size - 1])
    if (less >= 0 && less < size) yield less;
}
