const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

const cleanUps = new Set<() => void>();

/**
 * Has `cleanUp` run when the process is told to end before {@link Interruption.over} is called: it must not throw, and leaves the process to end as
 * the signal says. What runs without a pause is not interrupted. Only while there is something to clean up does a signal wait for this.
 */
export class Interruption {
  readonly #cleanUp: () => void;

  constructor(cleanUp: () => void) {
    this.#cleanUp = cleanUp;
    if (cleanUps.size === 0) for (const signal of SIGNALS) process.on(signal, end);
    cleanUps.add(cleanUp);
  }

  /** Nothing is left to clean up. */
  over(): void {
    if (cleanUps.delete(this.#cleanUp) && cleanUps.size === 0) for (const signal of SIGNALS) process.off(signal, end);
  }
}

function end(signal: NodeJS.Signals): void {
  for (const cleanUp of cleanUps) cleanUp();
  cleanUps.clear();
  for (const each of SIGNALS) process.off(each, end);
  process.kill(process.pid, signal);
}
