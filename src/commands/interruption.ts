const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

const cleanUps = new Set<() => void>();

/**
 * Runs `cleanUp` when a signal ends the process before {@link Interruption.over} is called. `cleanUp` must not throw; afterwards the process ends as
 * the signal says. Work that never pauses is not interrupted. Signals are caught only while there is something to clean up.
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
  // What was begun last is undone first: a folder is empty once the file in it is gone.
  for (const cleanUp of [...cleanUps].toReversed()) cleanUp();
  cleanUps.clear();
  for (const each of SIGNALS) process.off(each, end);
  process.kill(process.pid, signal);
}
