import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { describeOnPostgres, postgresPlace, sqlitePlace, type StorePlace } from '../../test/support/postgres.js';
import type { Spent } from '../mtls/index.js';
import { sharedRates } from './service-rates.js';
import { openStore, type Store } from '../store/index.js';

test('a store of one node shares nothing', async () => {
  const { options } = await sqlitePlace();
  const store = await openStore(options);
  expect(sharedRates(store)).toEqual({});
  await store.close();
});

describeOnPostgres('what is spent, between nodes on one PostgreSQL', () => {
  let place: StorePlace;
  let stores: readonly [Store, Store];
  beforeEach(async () => {
    place = await postgresPlace();
    stores = [await openStore(place.options), await openStore(place.options)];
  });
  afterEach(async () => {
    for (const store of stores) await store.close();
    await place.remove();
  });

  /** A node, and what it heard. */
  function node(store: Store) {
    const { exchange } = sharedRates(store);
    if (!exchange) throw new Error('nothing is shared');
    const heard: Spent[] = [];
    exchange.hear((spent) => heard.push(...spent));
    return { tell: exchange.tell, heard };
  }

  test('is heard by the others, however much it is, and not by who told it; nonsense is not', async () => {
    const [a, b] = [node(stores[0]), node(stores[1])];
    const spent = Array.from({ length: 5_000 }, (_, i): Spent => ['', `service-${i}`, i + 0.5]);
    // Who has just begun does not listen yet.
    while (b.heard.length === 0) {
      await a.tell([['', 'first', 1]]);
      await delay(10);
    }
    while (a.heard.length === 0) {
      await b.tell([['', 'first', 1]]);
      await delay(10);
    }
    b.heard.length = 0;
    for (const message of ['', 'nonsense', '{}', '[["",1,2]]', '[["","a",-1]]', '[["","a",null]]'])
      await place.query('select pg_notify($1, $2)', 'veritas_rates', message);
    await a.tell(spent);
    await a.tell([['route', 'a'.repeat(9_000), 1]]);
    await a.tell([['last "one"', 'ä', 2]]);
    while (b.heard.at(-1)?.[0] !== 'last "one"') await delay(10);
    expect(b.heard.filter(([, service]) => service !== 'first')).toEqual([...spent, ['last "one"', 'ä', 2]]);
    expect(a.heard.every(([, service]) => service === 'first')).toBe(true);
  });

  test('goes on when the connection was cut', async () => {
    const [a, b] = [node(stores[0]), node(stores[1])];
    while (b.heard.length === 0) {
      await a.tell([['', 'before', 1]]);
      await delay(10);
    }
    await place.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'veritas' and query like 'listen%'`,
    );
    await place.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'veritas' and query like '%pg_notify%'`,
    );
    while (!b.heard.some(([, service]) => service === 'after')) {
      await a.tell([['', 'after', 1]]);
      await delay(20);
    }
  });
});
