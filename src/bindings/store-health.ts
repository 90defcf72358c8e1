import { setTimeout as delay } from 'node:timers/promises';
import type { HealthPart, PartState } from '../health/index.js';
import { StoreError, type Store, type StoreErrorCode } from '../store/index.js';

// A database that does not answer is down before whoever asks gives up.
const STORE_ANSWERS_MS = 2_000;

/** What anybody may hear: the log names the file or the database. */
const DETAILS: Readonly<Record<StoreErrorCode, string>> = {
  store_unavailable: 'cannot be used',
  store_corrupt: 'is damaged',
  store_too_new: 'a newer version has changed it',
};

/** The store: whether it answers, and would take what is written. */
export function storePart(store: Store): HealthPart {
  return {
    name: 'store',
    check: () =>
      Promise.race<PartState>([
        store.checkWritable().then(() => ({ state: 'up' }), down),
        delay(STORE_ANSWERS_MS, { state: 'down', detail: 'does not answer' }, { ref: false }),
      ]),
  };
}

function down(error: unknown): PartState {
  if (error instanceof StoreError) return { state: 'down', detail: DETAILS[error.code] };
  throw error;
}
