import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { sql } from 'kysely';
import { temporaryFolder } from '../../test/support/folder.js';
import { insertIssuer, listIssuers } from './issuer.store.js';
import { openStore } from './open-store.js';
import type { Store } from './store.js';

const issuer = (id: string) => ({ id, role: 'root' as const, parent: id, der: Uint8Array.of(1), created_at: 1 });
const ids = async (database: Store['database']): Promise<string[]> =>
  (await listIssuers(database)).map(({ id }) => id).sort();
let path: string;
let store: Store;
beforeEach(async () => {
  path = join(temporaryFolder(), 'veritas.db');
  store = await openStore({ path });
});
afterEach(() => store.close());

const commitsBy = async (work: () => Promise<unknown>): Promise<number> => {
  // Another connection sees the version of the data rise with each commit.
  const other = new DatabaseSync(path);
  const version = other.prepare('pragma data_version');
  const seen = new Set<unknown>([version.get()?.data_version]);
  const timer = setInterval(() => seen.add(version.get()?.data_version), 0);
  await work();
  clearInterval(timer);
  seen.add(version.get()?.data_version);
  other.close();
  return seen.size - 1;
};

test('works that arrive together share a commit, and each is durable when it is told so', async () => {
  const names = Array.from({ length: 40 }, (_, i) => `issuer-${i}`);
  const reader = new DatabaseSync(path, { readOnly: true });
  const durable = reader.prepare('select count(*) as rows from issuer where id = ?');
  const commits = await commitsBy(() =>
    Promise.all(
      names.map(async (name) => {
        await store.transaction((transaction) => insertIssuer(transaction, issuer(name)));
        expect(durable.get(name)?.rows).toBe(1);
      }),
    ),
  );
  reader.close();
  expect(await ids(store.database)).toEqual([...names].sort());
  expect(commits).toBeLessThan(10);
});

test('one that throws is undone alone, and hears its own error', async () => {
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
  expect(outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value : String(outcome.reason)))).toEqual([
    'a',
    'Error: not b',
    expect.stringContaining('UNIQUE'),
    'd',
  ]);
  expect(await ids(store.database)).toEqual(['a', 'd']);
});

test('when the commit itself fails, nobody is told that it happened, and the next ones go on', async () => {
  // Something before them, so that they share a commit.
  const first = store.transaction(() => Promise.resolve());
  const works = ['a', 'b'].map((name) =>
    store.transaction(async (transaction) => {
      // The reference to nobody is looked at by the commit, not by the statement.
      await sql`pragma defer_foreign_keys = on`.execute(transaction);
      await insertIssuer(transaction, { ...issuer(name), parent: 'nobody' });
    }),
  );
  // Its own error is about what a sibling did, which is undone as well.
  const third = store.transaction(async (transaction) => {
    if ((await listIssuers(transaction)).length > 0) throw new Error('somebody was first');
  });
  await first;
  const outcomes = await Promise.allSettled([...works, third]);
  expect(outcomes.map((outcome) => (outcome.status === 'rejected' ? String(outcome.reason) : ''))).toEqual(
    Array(3).fill(expect.stringContaining('FOREIGN KEY')),
  );
  expect(await ids(store.database)).toEqual([]);
  await store.transaction((transaction) => insertIssuer(transaction, issuer('c')));
  expect(await ids(store.database)).toEqual(['c']);
});

test('the event loop has its turn between long works', async () => {
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
