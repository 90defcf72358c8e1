/** How many requests are allowed: `perSecond` in the long run, and up to `burst` at once after a rest. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

/** The lower and upper limits of a rate. A burst takes at most a day to come back. */
const RATE_BOUNDS = { leastPerSecond: 0.001, mostPerSecond: 1_000_000, mostBurst: 1_000_000 } as const;
const DAY_S = 86_400;

/** Throws RangeError for a rate that lets nobody through, or for which no budget can be kept. */
export function checkRate({ perSecond, burst }: Rate): void {
  const { leastPerSecond, mostPerSecond, mostBurst } = RATE_BOUNDS;
  if (!(perSecond >= leastPerSecond && perSecond <= mostPerSecond))
    throw new RangeError(`the perSecond of a rate must be from ${leastPerSecond} to ${mostPerSecond}`);
  if (!Number.isInteger(burst) || burst < 1 || burst > mostBurst)
    throw new RangeError(`the burst of a rate must be a whole number from 1 to ${mostBurst}`);
  if (burst / perSecond > DAY_S)
    throw new RangeError('a burst must come back within a day: burst / perSecond is at most 86400');
}
