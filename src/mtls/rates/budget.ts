import type { Rate } from './rate.js';

const SECOND_MS = 1_000;

/**
 * What one service may still ask for, by the generic cell rate algorithm (ITU-T I.371 Annex A): the one number that is kept is the time at which
 * the budget is whole again. A request moves it on by 1/`perSecond`; it may lie `burst` such steps ahead. Times in milliseconds of any clock that
 * never goes back.
 */
export class Budget {
  /** When it is whole again; in the past it is whole, and equal to a new one. */
  wholeAt = Number.NEGATIVE_INFINITY;
  /** Milliseconds that were taken since somebody last asked, see {@link takeSpent}. */
  #spent = 0;
  #rate: Rate | undefined;
  #step = 0;
  #reach = 0;
  /** When a refusal was last logged, and how many were not since. */
  loggedAt = Number.NEGATIVE_INFINITY;
  passedOver = 0;
  // What was said last: who stays below the rate is told the same again and again.
  #saidLeft = Number.NaN;
  #saidSeconds = Number.NaN;
  #said = '';

  /** Takes up the rate that holds now. Under another one as many requests are owed as before, at most its burst; the hours that these took under a slow rate are not. */
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

  /** Milliseconds until there is one request in it; 0 when there is now. NaN, hence no request, when the rate was no number. */
  wait(now: number): number {
    const ahead = Math.max(this.wholeAt, now) + this.#step - now - this.#reach;
    // Of steps that were added up: a millionth of one is none.
    return ahead <= this.#step * 1e-6 ? 0 : ahead;
  }

  /** Takes a request out. True when it is the first since {@link takeSpent}. */
  take(now: number): boolean {
    this.wholeAt = Math.max(this.wholeAt, now) + this.#step;
    const first = this.#spent === 0;
    this.#spent += this.#step;
    return first;
  }

  /** How many requests are in it. */
  remaining(now: number): number {
    return Math.max(0, Math.floor((this.#reach - Math.max(0, this.wholeAt - now)) / this.#step + 1e-6));
  }

  /**
   * draft-ietf-httpapi-ratelimit-headers-11 §4, of a quota called `name`, always the same here: what is left, and within how many seconds no more than that should be
   * asked; of a refusal its `seconds`, never more than the Retry-After (§6).
   */
  state(name: string, now: number, seconds?: number): string {
    const left = this.remaining(now);
    // A time that was added to one with a fraction is not quite what it was: a microsecond is none.
    const within = seconds ?? Math.max(0, Math.ceil((this.wholeAt - now) / SECOND_MS - 1e-6));
    if (left !== this.#saidLeft || within !== this.#saidSeconds) {
      this.#saidLeft = left;
      this.#saidSeconds = within;
      this.#said = `"${name}";r=${left};t=${within}`;
    }
    return this.#said;
  }

  /** What was taken since this was last asked, in milliseconds. */
  takeSpent(): number {
    const spent = this.#spent;
    this.#spent = 0;
    return spent;
  }

  /** Takes out what was spent elsewhere. More than there is becomes a debt, which is paid before the next request. */
  debit(milliseconds: number, now: number): void {
    this.wholeAt = Math.max(this.wholeAt, now) + milliseconds;
  }
}
