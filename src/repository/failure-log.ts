const INTERVAL_MS = 1_000;

/** Hears why a request could not be answered. */
export type Failed = (error: unknown, requestId: string) => void;

/**
 * Logs why requests could not be answered. Anybody can send any number of them here, so there is at most one line a second, with the number of those not
 * logged.
 */
export function failureLog(logger: { error(line: object): void }): Failed {
  let loggedAt = -Infinity;
  let passedOver = 0;
  return (err, requestId) => {
    const now = performance.now();
    if (now - loggedAt < INTERVAL_MS) {
      passedOver++;
      return;
    }
    logger.error({ event: 'failed', request_id: requestId, err, passedOver });
    [loggedAt, passedOver] = [now, 0];
  };
}
