/**
 * Which worker keeps which finding, so that it is kept once. The first one that asks may; the others are answered when its
 * directory is there: a round that was counted under a finding that nobody kept would be lost.
 */
interface Asking<Worker> {
  readonly worker: Worker;
  answer(isYours: boolean): void;
}

export class Claims<Worker> {
  readonly #kept = new Set<string>();
  /** by finding; the first one is to keep it */
  readonly #asking = new Map<string, Asking<Worker>[]>();

  /** `answer` is called at once, or when it is known: `isYours` means that this worker is to keep it. */
  ask(id: string, worker: Worker, answer: (isYours: boolean) => void): void {
    if (this.#kept.has(id)) {
      answer(false);
      return;
    }
    const others = this.#asking.get(id) ?? [];
    this.#asking.set(id, [...others, { worker, answer }]);
    if (others.length === 0) answer(true);
  }

  /** Its directory is there. */
  keep(id: string): void {
    const [, ...others] = this.#asking.get(id) ?? [];
    this.#asking.delete(id);
    this.#kept.add(id);
    for (const { answer } of others) answer(false);
  }

  /** The worker has gone: what it was to keep and has not is for the next one that asks, or has asked. */
  release(worker: Worker): void {
    for (const [id, asking] of [...this.#asking]) {
      const left = asking.filter((one) => one.worker !== worker);
      if (left.length === 0) this.#asking.delete(id);
      else this.#asking.set(id, left);
      if (left[0] !== asking[0]) left[0]?.answer(true);
    }
  }
}
