/** A call waits this long at most: work that hangs, as on a disk that does not answer, does not hold up all that comes after it. */
const MOST_WAIT_MS = 5_000;

let last: Promise<unknown> | undefined;

/**
 * Does `work` after the work of earlier calls has ended, so that only one thread of low priority is busy at a time. A single one leaves the core to requests
 * at once. Two of them take turns on it, and a request that arrives meanwhile may wait until the next tick of the system's clock, which is up to four
 * milliseconds. Throws what `work` throws.
 */
export async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const before = last;
  const { promise: ended, resolve: end } = Promise.withResolvers<undefined>();
  last = ended;
  try {
    if (before) await endOf(before);
    return await work();
  } finally {
    end(undefined);
    if (last === ended) last = undefined;
  }
}

function endOf(work: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, MOST_WAIT_MS);
    void work.then(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
