import { Budget } from './budget.js';

const FIRST_SWEEP = 1_024;
/** More than any fleet has services; each takes some 150 octets. */
const MOST = 65_536;

/** The budgets of services under one limit. Those that are whole again are forgotten, because they equal new ones. */
export class Budgets {
  readonly #byService = new Map<string, Budget>();
  #sweepAt = FIRST_SWEEP;

  /** `name` is the same on every node. */
  constructor(readonly name: string) {}

  of(service: string, now: number): Budget {
    let budget = this.#byService.get(service);
    if (!budget) {
      if (this.#byService.size >= this.#sweepAt) this.#sweep(now);
      this.#byService.set(service, (budget = new Budget()));
    }
    return budget;
  }

  get size(): number {
    return this.#byService.size;
  }

  #sweep(now: number): void {
    for (const [service, { wholeAt }] of this.#byService) if (wholeAt <= now) this.#byService.delete(service);
    if (this.#byService.size >= MOST) this.#forgetLeast(MOST / 4);
    this.#sweepAt = Math.min(MOST, Math.max(FIRST_SWEEP, this.#byService.size * 2));
  }

  /** Forgets the `count` services that owe least: made-up services push out nobody whose debt is larger than their own. */
  #forgetLeast(count: number): void {
    const times = Float64Array.from(this.#byService.values(), ({ wholeAt }) => wholeAt).sort();
    const last = times[count - 1] ?? Number.POSITIVE_INFINITY;
    let left = count;
    for (const [service, { wholeAt }] of this.#byService)
      if (wholeAt <= last && left-- > 0) this.#byService.delete(service);
  }
}
