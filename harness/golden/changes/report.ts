/** What changed between two implementations, as a text in Markdown: change by change, with one example of each. */
import type { Differing, Sorted } from './changes.js';

/** Lines of an example; what is longer is cut. */
const MOST_LINES = 24;

export interface Sides {
  /** target and version */
  readonly a: string;
  readonly b: string;
  /** the command that made the text */
  readonly command: string;
  readonly compared: number;
}

export function changesReport({ a, b, command, compared }: Sides, sorted: Sorted): string {
  const { explained, unexplained } = sorted;
  const shown = explained.filter(({ by }) => by.length > 0);
  const different = new Set([...shown.flatMap(({ by }) => by), ...unexplained]).size;
  const parts = [
    `# What changed from ${a} to ${b}`,
    `Made by \`${command}\`: ${compared} cases compared, ${different} different, ` +
      `${unexplained.length} not explained. \`-\` is ${a}, \`+\` is ${b}.`,
    ...shown.flatMap(({ change, by }) => [
      `## ${change.title}`,
      change.why,
      by.map(({ heading }) => `- ${heading}`).join('\n'),
      example(shortest(by)),
    ]),
  ];
  if (unexplained.length > 0) parts.push('## Not explained');
  for (const one of unexplained) parts.push(one.heading, fenced(one.body));
  return `${parts.join('\n\n')}\n`;
}

/** What shows it with the least beside it. */
function shortest(by: readonly Differing[]): Differing {
  return by.reduce((best, one) => (one.body.length < best.body.length ? one : best));
}

function example({ id, body }: Differing): string {
  return `In \`${id}\`:\n\n${fenced(body)}`;
}

function fenced(body: string): string {
  const lines = body.split('\n').filter((line) => line !== '');
  const more = lines.length - MOST_LINES;
  const cut = more > 0 ? [...lines.slice(0, MOST_LINES), `… ${more} more lines`] : lines;
  return ['```diff', ...cut, '```'].join('\n');
}
