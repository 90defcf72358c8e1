import type { LoggerService } from '@nestjs/common';
import type { EventBus } from '../events/index.js';

const INTERVAL_MS = 30_000;

/**
 * Logs failures of work that runs on a timer, such as polling for revocations while the database is gone: the first failure of each task at once,
 * then at most one in half a minute. `clock` in milliseconds, never going back.
 */
export function logBackgroundFailures(
  events: Pick<EventBus, 'on'>,
  logger: Pick<LoggerService, 'error'>,
  clock: () => number = () => performance.now(),
): void {
  const loggedAt = new Map<string, number>();
  events.on('background.failed', ({ task, error }) => {
    if (clock() - (loggedAt.get(task) ?? Number.NEGATIVE_INFINITY) < INTERVAL_MS) return;
    loggedAt.set(task, clock());
    logger.error(
      { event: 'background_failed', task, reason: error instanceof Error ? error.message : String(error) },
      'Background',
    );
  });
}
