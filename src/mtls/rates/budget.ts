import type { Rate } from './rate.js';

const SECOND_MS = 1_000;

/**
 * What one service may still ask for, by the generic cell rate algorithm (ITU-T I.371 Annex A). The one number that is kept is the time at which the
 * budget is whole again: a request moves it forward by 1/`perSecond`, and it may lie `burst` such steps ahead. Times are in milliseconds of any clock
 * that never goes back.
 */
export class Budget {
  /** The time at which it is whole again. When that is in the past, the budget equals a new one. */
  wholeAt = Number.NEGATIVE_INFINITY;
  /** Milliseconds taken since {@link takeSpent} was last called. */
  #spent = 0;
  #rate: Rate | undefined;
  #step = 0;
  #reach = 0;
  /** When a refusal was last logged, and how many were not logged since. */
  loggedAt = Number.NEGATIVE_INFINITY;
  passedOver = 0;
  // The last answer: a service that stays below its rate is told the same again and again.
  #saidLeft = Number.NaN;
  #saidSeconds = Number.NaN;
  #said = '';

  /**
   * Takes up the rate that holds now. Under another rate the same number of requests is owed as before, but at most its burst; the time that they
   * would have taken under a slower rate is forgotten.
   */
  follow(rate: Rate, now: number): void {
    const before = this.#rate;
    if (rate === before) return;
    const stepBefore = this.#step;
    this.#rate = rate;
    this.#step = SECOND_MS / rate.perSecond;
    this.#reach = rate.burst * this.#step;
    if (!before || (before.perSecond === rate.perSecond && before.burst === rate.burst)) return;
    const owed = (Math.max(0, this.wholeAt - now) / stepBefore) * this.#step;
    this.wholeAt = now + Math.min(owed, this.#reach);
  }

  /** Milliseconds until a request is allowed; 0 when one is allowed now. NaN, which allows none, when the rate was no number. */
  wait(now: number): number {
    const ahead = Math.max(this.wholeAt, now) + this.#step - now - this.#reach;
    // The sum of many steps is rounded: a millionth of a step does not count.
    return ahead <= this.#step * 1e-6 ? 0 : ahead;
  }

  /** Takes out one request. True when it is the first since {@link takeSpent}. */
  take(now: number): boolean {
    this.wholeAt = Math.max(this.wholeAt, now) + this.#step;
    const first = this.#spent === 0;
    this.#spent += this.#step;
    return first;
  }

  /** How many requests are allowed now. */
  remaining(now: number): number {
    return Math.max(0, Math.floor((this.#reach - Math.max(0, this.wholeAt - now)) / this.#step + 1e-6));
  }

  /**
   * The field of draft-ietf-httpapi-ratelimit-headers-11 §4 for the quota `name`, which is always the same for one budget: how many requests are
   * left, and within how many seconds no more should be made. For a refusal those are its `seconds`, never more than Retry-After (§6).
   */
  state(name: string, now: number, seconds?: number): string {
    const left = this.remaining(now);
    // Adding to a time with a fraction is not exact: a microsecond does not count.
    const within = seconds ?? Math.max(0, Math.ceil((this.wholeAt - now) / SECOND_MS - 1e-6));
    if (left !== this.#saidLeft || within !== this.#saidSeconds) {
      this.#saidLeft = left;
      this.#saidSeconds = within;
      this.#said = `"${name}";r=${left};t=${within}`;
    }
    return this.#said;
  }

  /** The milliseconds that were taken since the last call. */
  takeSpent(): number {
    const spent = this.#spent;
    this.#spent = 0;
    return spent;
  }

  /** Takes out what was spent elsewhere. More than there is becomes a debt, which delays the next request. */
  debit(milliseconds: number, now: number): void {
    this.wholeAt = Math.max(this.wholeAt, now) + milliseconds;
  }
}
