/**
 * Limits that several nodes share. There is no time here: what a request would have to wait for passes in steps of a tenth
 * of a second, as many as it takes. FILTERS.md, REF-083 and REF-084.
 */

/** What a group may limit: bytes or requests a second, of reads, writes, or both. */
export const LIMITS = [
  'bps-total',
  'bps-read',
  'bps-write',
  'iops-total',
  'iops-read',
  'iops-write',
] as const;
export type Limit = (typeof LIMITS)[number];

const STEPS_A_SECOND = 10;

export class ThrottleGroup {
  readonly id: string;
  /** bytes or requests a second; 0: no limit */
  limits: ReadonlyMap<Limit, number>;
  /** nodes that use it */
  readonly members = new Set<object>();
  /** steps that requests have waited, since the group was made */
  waited = 0;
  /** what has gone through and is not paid for by time yet: bytes or requests */
  readonly #level = new Map<Limit, number>();

  constructor(id: string, limits: ReadonlyMap<Limit, number>) {
    this.id = id;
    this.limits = limits;
  }

  /** Lets a request through, after as many steps as it has to wait: until everything before it is paid for. */
  admit(kind: 'read' | 'write', bytes: number): void {
    const costs: [Limit, number][] = [
      ['bps-total', bytes],
      [`bps-${kind}`, bytes],
      ['iops-total', 1],
      [`iops-${kind}`, 1],
    ];
    const limited = costs.filter(([limit]) => (this.limits.get(limit) ?? 0) > 0);
    let steps = 0;
    for (const [limit] of limited) {
      const level = this.#level.get(limit) ?? 0;
      steps = Math.max(steps, Math.ceil((level * STEPS_A_SECOND) / this.limits.get(limit)!));
    }
    this.#pass(steps);
    for (const [limit, cost] of limited) this.#level.set(limit, (this.#level.get(limit) ?? 0) + cost);
  }

  #pass(steps: number): void {
    this.waited += steps;
    for (const [limit, level] of this.#level) {
      const paid = ((this.limits.get(limit) ?? 0) * steps) / STEPS_A_SECOND;
      this.#level.set(limit, Math.max(0, level - paid));
    }
  }
}
