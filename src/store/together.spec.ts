import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { describeOnEachStore, type StorePlace } from '../../test/support/postgres.js';
import { openStore } from './open-store.js';
import type { Transaction } from './schema.js';
import type { Store } from './store.js';
import { runTogether } from './together.js';

const adding = (transaction: Transaction, ...serials: readonly string[]) => ({
  query: transaction
    .insertInto('serial')
    .values(serials.map((serial) => ({ serial, reserved_at: 1 })))
    .onConflict((conflict) => conflict.doNothing()),
  rows: serials.length,
});

describeOnEachStore('statements that go together', (kind, newPlace) => {
  // PostgreSQL has no such way: whoever asks goes the longer one.
  const isTaken = kind === 'SQLite';
  let place: StorePlace;
  let store: Store;
  beforeEach(async () => {
    place = await newPlace();
    store = await openStore(place.options);
  });
  afterEach(async () => {
    await store.close();
    await place.remove();
  });
  const serials = async () =>
    (await store.database.selectFrom('serial').select('serial').orderBy('serial').execute()).map((row) => row.serial);

  it('are done when each comes to its number of rows', async () => {
    const done = await store.transaction((transaction) =>
      runTogether(transaction, [adding(transaction, 'a', 'b'), adding(transaction, 'c')]),
    );
    expect([done, await serials()]).toEqual([isTaken, isTaken ? ['a', 'b', 'c'] : []]);
  });

  it('are none of them done when one does not, and the work goes on', async () => {
    await store.transaction(async (transaction) => {
      await adding(transaction, 'a').query.execute();
      expect(await runTogether(transaction, [adding(transaction, 'b'), adding(transaction, 'a', 'c')])).toBe(false);
      await adding(transaction, 'd').query.execute();
    });
    expect(await serials()).toEqual(['a', 'd']);
  });

  it('are none of them done when one is refused, and the work may go on', async () => {
    const unknown = (transaction: Transaction) => ({
      query: transaction.insertInto('revoked_serial').values({ serial: 'x' } as never),
      rows: 1,
    });
    await store.transaction(async (transaction) => {
      const refused = runTogether(transaction, [adding(transaction, 'b'), unknown(transaction)]);
      await (isTaken ? expect(refused).rejects.toThrow(/NOT NULL/) : refused);
      await adding(transaction, 'd').query.execute();
    });
    expect(await serials()).toEqual(['d']);
  });

  it('are undone with their work', async () => {
    const failed = store.transaction(async (transaction) => {
      await runTogether(transaction, [adding(transaction, 'a')]);
      throw new Error('no');
    });
    await expect(failed).rejects.toThrow('no');
    expect(await serials()).toEqual([]);
  });
});
