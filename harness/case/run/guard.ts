/** The limits of one case: on each request, on the case as a whole, and the user's interrupt. */
import { TargetFault } from '../../target/target.js';

/** The run was interrupted: no verdict. */
export class Interrupted extends Error {
  constructor() {
    super('interrupted');
    this.name = 'Interrupted';
  }
}

/** Targets enforce the request limit themselves and know best what happened: this much later the runner does. */
const GRACE_MS = 1000;

/** One a case. After a limit has passed every further request is rejected too: the session is not to be trusted. */
export class Guard {
  readonly #limitMs: number;
  readonly #timer: NodeJS.Timeout;
  readonly #caseTimer: NodeJS.Timeout;
  readonly #signal: AbortSignal;
  readonly #onAbort: () => void;
  readonly #expired: Promise<never>;
  /** true once a limit of the runner itself has passed */
  passed = false;

  constructor(limitMs: number, caseLimitMs: number, signal: AbortSignal) {
    this.#limitMs = limitMs;
    this.#signal = signal;
    let reject: (reason: Error) => void = () => {};
    this.#expired = new Promise<never>((_, no) => {
      reject = no;
    });
    this.#expired.catch(() => {});
    const expire = (message: string) => (): void => {
      this.passed = true;
      reject(new TargetFault('hang', message));
    };
    // One timer that is set back, not one a request: requests to the reference take microseconds.
    this.#timer = setTimeout(expire(`no answer within ${limitMs / 1000} s`), limitMs + GRACE_MS);
    this.#caseTimer = setTimeout(expire(`the case took more than ${caseLimitMs / 1000} s`), caseLimitMs);
    this.#onAbort = () => reject(new Interrupted());
    signal.addEventListener('abort', this.#onAbort, { once: true });
    if (signal.aborted) this.#onAbort();
  }

  /** Limits one request. */
  within<T>(request: Promise<T>): Promise<T> {
    this.#timer.refresh();
    return Promise.race([request, this.#expired]);
  }

  /** Ends all timers. */
  release(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#caseTimer);
    this.#signal.removeEventListener('abort', this.#onAbort);
  }

  get limitMs(): number {
    return this.#limitMs;
  }
}

/** Waits for `work` at most `ms`; rejects with a `hang` naming `what`. */
export async function bounded<T>(
  work: Promise<T>,
  ms: number,
  what: string,
  signal?: AbortSignal,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let onAbort: (() => void) | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TargetFault('hang', `${what} took more than ${ms / 1000} s`)), ms);
    onAbort = () => reject(new Interrupted());
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted === true) onAbort();
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
    if (onAbort !== undefined) signal?.removeEventListener('abort', onAbort);
  }
}
