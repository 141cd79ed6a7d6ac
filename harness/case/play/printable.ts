/** Text that fits on one line of a transcript and in a YAML file, whatever a target put into it. */

/** Control characters, and what leaves no ink or changes the direction of what follows. */
const UNSEEN = /[\u0000-\u001f\u007f-\u00a0\u00ad\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff]/g;

/** The text on one line, what cannot be seen as JSON escapes it. */
export function printable(text: string): string {
  return text.replace(UNSEEN, (character) => {
    const short: Readonly<Record<string, string>> = { '\n': '\\n', '\t': '\\t', '\r': '\\r' };
    return short[character] ?? `\\u${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`;
  });
}
