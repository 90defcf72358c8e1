import type { Store } from '../store/index.js';

/**
 * The earlier of this machine's clock and the database's, where that has one: for dates that every node goes by, and for what is over. One clock that is
 * ahead dates nothing in the future, and passes over nothing that is still good. Throws what the store throws.
 */
export async function earliestNow({
  store,
  now,
}: {
  readonly store: Pick<Store, 'clock'>;
  readonly now: () => Date;
}): Promise<Date> {
  const there = await store.clock();
  const here = now();
  return there && there < here ? there : here;
}
