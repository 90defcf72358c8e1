import { setTimeout as delay } from 'node:timers/promises';
import type { HealthPart, PartState } from '../health/index.js';
import { StoreError, type Store, type StoreErrorCode } from '../store/index.js';

// Shorter than health checks wait: a database that does not answer is reported as down before they give up.
const STORE_ANSWERS_MS = 2_000;

/** What anybody may hear; the log names the file or the database. */
const DETAILS: Readonly<Record<StoreErrorCode, string>> = {
  store_unavailable: 'cannot be used',
  store_corrupt: 'is damaged',
  store_too_new: 'a newer version has changed it',
};

/** Certificates are dated a minute back, so a smaller difference between the clocks does no harm. */
const MOST_APART_S = 30;

/** The store: whether it answers, whether it can be written to, and whether its clock agrees with that of this machine. */
export function storePart(store: Store, clock: () => Date): HealthPart {
  return {
    name: 'store',
    check: () =>
      Promise.race<PartState>([
        stateOf(store, clock).catch(down),
        delay(STORE_ANSWERS_MS, { state: 'down', detail: 'does not answer' }, { ref: false }),
      ]),
  };
}

async function stateOf(store: Store, clock: () => Date): Promise<PartState> {
  await store.checkWritable();
  const there = await store.clock();
  const ahead = there ? Math.round((clock().getTime() - there.getTime()) / 1000) : 0;
  if (Math.abs(ahead) <= MOST_APART_S) return { state: 'up' };
  const how = ahead > 0 ? `${ahead} s ahead of` : `${-ahead} s behind`;
  return { state: 'warning', detail: `this machine's clock is ${how} the database's` };
}

function down(error: unknown): PartState {
  if (error instanceof StoreError) return { state: 'down', detail: DETAILS[error.code] };
  throw error;
}
