import type { RateLimiter, Spent } from './rate-limiter.js';

/** Port: tells the other nodes what was spent on this one, and hears what was spent on them. */
export interface RateExchange {
  /** Resolves once it was told, or could not be told; it is not told again. */
  readonly tell: (spent: readonly Spent[]) => Promise<void>;
  /** Calls `heard` with what other nodes tell, until the returned function is called. */
  readonly hear: (heard: (spent: readonly Spent[]) => void) => () => void;
}

const INTERVAL_MS = 100;

/**
 * Makes several nodes keep one rate: each counts by itself, tells the others ten times a second what was spent, and takes what was spent elsewhere
 * out of its own budgets. No request waits for that. What is allowed too much in the meantime is made up for afterwards, so that in the long run a
 * rate is kept exactly. The returned function ends it.
 */
export function shareRates(limiter: RateLimiter, exchange: RateExchange): () => void {
  const stopHearing = exchange.hear((spent) => {
    limiter.debit(spent);
  });
  let telling = false;
  const told = (): void => {
    telling = false;
  };
  const timer = setInterval(() => {
    if (telling) return;
    const spent = limiter.takeSpent();
    if (spent.length === 0) return;
    telling = true;
    // An exception here would end the process.
    void Promise.resolve()
      .then(() => exchange.tell(spent))
      .then(told, told);
  }, INTERVAL_MS).unref();
  return () => {
    clearInterval(timer);
    stopHearing();
  };
}
