/** What was done with a drive or device: requests that were made of it as of a guest's disk. DEVICES.md, REF-112. */

/** The kinds of requests, as their counters are named. */
export const REQUEST_KINDS = ['rd', 'wr', 'unmap', 'flush'] as const;
export type RequestKind = (typeof REQUEST_KINDS)[number];

export interface Count {
  /** that were done, and how many bytes these had together */
  operations: number;
  bytes: number;
  /** that could not be done */
  failed: number;
  /** that were none, and never begun */
  invalid: number;
}

export class Counters {
  /** whether any request was made, done or not */
  isUsed = false;
  readonly #counts = new Map(
    REQUEST_KINDS.map((kind): [RequestKind, Count] => [
      kind,
      { operations: 0, bytes: 0, failed: 0, invalid: 0 },
    ]),
  );

  of(kind: RequestKind): Readonly<Count> {
    return this.#counts.get(kind)!;
  }

  done(kind: RequestKind, bytes: number): void {
    const count = this.#use(kind);
    count.operations += 1;
    count.bytes += bytes;
  }

  failed(kind: RequestKind): void {
    this.#use(kind).failed += 1;
  }

  invalid(kind: RequestKind): void {
    this.#use(kind).invalid += 1;
  }

  #use(kind: RequestKind): Count {
    this.isUsed = true;
    return this.#counts.get(kind)!;
  }
}
