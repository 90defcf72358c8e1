import { Budget } from './budget.js';

const FIRST_SWEEP = 1_024;
/** More than any fleet has services; some 150 octets each. */
const MOST = 65_536;

/** The budgets of services under one limit. Those that are whole again are forgotten, for they are equal to new ones. */
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
    // None is whole: the oldest quarter goes, and with it its services' debts.
    let tooMany = this.#byService.size >= MOST ? MOST / 4 : 0;
    for (const service of this.#byService.keys()) {
      if (tooMany-- <= 0) break;
      this.#byService.delete(service);
    }
    this.#sweepAt = Math.min(MOST, Math.max(FIRST_SWEEP, this.#byService.size * 2));
  }
}
