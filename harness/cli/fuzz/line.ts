/** One line that tells how far a campaign is: only where somebody reads along. */
import type { Progress } from '../../fuzz/campaign/engine.js';
import type { Sink } from '../../report/reporter.js';

export class Line {
  readonly #sink: Sink;
  #isShown = false;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  show(progress: Progress): void {
    if (!this.#sink.terminal) return;
    this.#sink.write(`\r\u001b[2K${progressText(progress)}`);
    this.#isShown = true;
  }

  clear(): void {
    if (this.#isShown) this.#sink.write('\r\u001b[2K');
    this.#isShown = false;
  }

  /** A line that stays. */
  say(text: string): void {
    this.clear();
    this.#sink.write(`${text}\n`);
  }
}

export function progressText({ histories, steps, ms, states, findings, left }: Progress): string {
  const rate = (value: number): string =>
    Math.round(value / Math.max(ms / 1000, 0.001)).toLocaleString('en-US');
  const parts = [
    `${histories.toLocaleString('en-US')} histories`,
    `${rate(histories)}/s`,
    `${rate(steps)} steps/s`,
    `${states.toLocaleString('en-US')} states`,
    `${findings} findings`,
  ];
  if (left.ms !== null) parts.push(`${clock(left.ms)} left`);
  if (left.histories !== null) parts.push(`${left.histories.toLocaleString('en-US')} left`);
  return parts.join(' · ');
}

function clock(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (value: number): string => String(value).padStart(2, '0');
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}
