import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import { describeOnEachStore, type StorePlace } from '../../test/support/postgres.js';
import { insertIssuer, listIssuers } from './issuer.store.js';
import { openStore } from './open-store.js';
import type { Store } from './store.js';

const issuer = (id: string) => ({ id, role: 'root' as const, parent: id, der: Uint8Array.of(1), created_at: 1 });
const ids = async (database: Store['database']): Promise<string[]> =>
  (await listIssuers(database)).map(({ id }) => id).sort();

describeOnEachStore('works that arrive together', (kind, newPlace) => {
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

  it('share a commit, and each is durable when it is told so', async () => {
    const names = Array.from({ length: 40 }, (_, i) => `issuer-${i}`);
    const other = await openStore(place.options);
    // The rows that others see: they come a commit at a time.
    const seen = new Set<number>();
    await Promise.all(
      names.map(async (name) => {
        await store.transaction((transaction) => insertIssuer(transaction, issuer(name)));
        const visible = await ids(other.database);
        expect(visible).toContain(name);
        seen.add(visible.length);
      }),
    );
    await other.close();
    expect(await ids(store.database)).toEqual([...names].sort());
    expect(seen.size).toBeLessThan(10);
  });

  it('one that throws is undone alone, and hears its own error', async () => {
    const outcomes = await Promise.allSettled(
      ['a', 'b', 'c', 'd'].map((name) =>
        store.transaction(async (transaction) => {
          await insertIssuer(transaction, issuer(name));
          if (name === 'b') throw new Error('not b');
          // The primary key: a statement that fails inside its work.
          if (name === 'c') await insertIssuer(transaction, issuer('a'));
          return name;
        }),
      ),
    );
    expect(
      outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value : String(outcome.reason))),
    ).toEqual(['a', 'Error: not b', expect.stringMatching(/unique/i), 'd']);
    expect(await ids(store.database)).toEqual(['a', 'd']);
  });

  it('when the commit itself fails, nobody is told that it happened, and the next ones go on', async () => {
    if (kind === 'PostgreSQL')
      await place.execute('alter table issuer alter constraint issuer_parent_fkey deferrable initially immediate');
    const deferred = kind === 'SQLite' ? 'pragma defer_foreign_keys = on' : 'set constraints all deferred';
    const works = ['a', 'b'].map((name) =>
      store.transaction(async (transaction) => {
        // The reference to nobody is looked at by the commit, not by the statement.
        await sql.raw(deferred).execute(transaction);
        await insertIssuer(transaction, { ...issuer(name), parent: 'nobody' });
      }),
    );
    // Its own error is about what a sibling did, which is undone as well.
    const third = store.transaction(async (transaction) => {
      if ((await listIssuers(transaction)).length > 0) throw new Error('somebody was first');
    });
    const outcomes = await Promise.allSettled([...works, third]);
    expect(outcomes.map((outcome) => (outcome.status === 'rejected' ? String(outcome.reason) : ''))).toEqual(
      Array(3).fill(expect.stringMatching(/foreign key/i)),
    );
    expect(await ids(store.database)).toEqual([]);
    await store.transaction((transaction) => insertIssuer(transaction, issuer('c')));
    expect(await ids(store.database)).toEqual(['c']);
  });

  it('the event loop has its turn between long works', async () => {
    let turns = 0;
    let running = true;
    const count = (): void => {
      turns++;
      if (running) setImmediate(count);
    };
    setImmediate(count);
    const busy = async (): Promise<void> => {
      const until = performance.now() + 6;
      while (performance.now() < until) await Promise.resolve();
    };
    await Promise.all(Array.from({ length: 20 }, () => store.transaction(busy)));
    running = false;
    expect(turns).toBeGreaterThan(15);
  });
});
