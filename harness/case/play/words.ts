/** Command lines as transcripts show them. */
import { printable } from './printable.js';

/** Words as a shell takes them. */
export function wordsText(words: readonly string[]): string {
  return words.map(wordText).join(' ');
}

/** One word as a shell takes it. */
export function wordText(word: string): string {
  // A comma at an end would be taken for the one that ends the name of an image.
  if (/^[A-Za-z0-9_.,:/=+%@${}-]+$/.test(word) && !/^,|,$/.test(word)) return word;
  return `'${printable(word).replaceAll("'", "'\\''")}'`;
}
