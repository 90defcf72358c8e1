import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, statSync, writeFileSync, chmodSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { insertIssuer, listIssuers } from './issuer.store.js';
import { StoreError } from './store-error.js';
import { openStore, type Store } from './store.js';

const issuer = (id: string) => ({
  id,
  role: 'root' as const,
  parent: id,
  der: Uint8Array.of(1, 2),
  created_at: 1,
});

describe('the store', () => {
  let folder: string;
  let path: string;
  const open: Store[] = [];
  const openHere = async (more: { readOnly?: boolean; busyTimeout?: number } = {}): Promise<Store> => {
    const store = await openStore({ path, ...more });
    open.push(store);
    return store;
  };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'veritas-store-'));
    path = join(folder, 'var/veritas.db');
  });
  afterEach(async () => {
    for (const store of open.splice(0)) await store.close();
    rmSync(folder, { recursive: true });
  });

  it('makes its folder 0700 and its files 0600, and closes a file that is open to others', async () => {
    const store = await openHere();
    await insertIssuer(store.database, issuer('a'));
    expect(statSync(join(folder, 'var')).mode & 0o777).toBe(0o700);
    for (const suffix of ['', '-wal', '-shm']) expect(statSync(path + suffix).mode & 0o777).toBe(0o600);
    chmodSync(path, 0o644);
    await openHere();
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('flushes each commit, writes ahead and checks references', async () => {
    await openHere();
    const raw = new DatabaseSync(path);
    expect(raw.prepare('pragma journal_mode').get()?.journal_mode).toBe('wal');
    raw.close();
    const store = await openHere();
    await expect(insertIssuer(store.database, { ...issuer('b'), parent: 'nobody' })).rejects.toThrow('FOREIGN KEY');
  });

  it('keeps its rows, and its schema, when it is opened again', async () => {
    const first = await openHere();
    await insertIssuer(first.database, issuer('a'));
    const again = await openHere();
    expect((await listIssuers(again.database)).map(({ id }) => id)).toEqual(['a']);
  });

  it('refuses a store that a newer version wrote, and leaves it as it is', async () => {
    const store = await openHere();
    await store.close();
    open.pop();
    const raw = new DatabaseSync(path);
    raw.exec(`insert into migration values ('9999-from-the-future', 1)`);
    raw.close();
    for (const readOnly of [false, true])
      await expect(openHere({ readOnly })).rejects.toMatchObject({
        code: 'store_too_new',
        message: expect.stringContaining('9999-from-the-future'),
      });
  });

  it('refuses to read a store without its schema, and a file that is no database', async () => {
    await expect(openHere({ readOnly: true })).rejects.toMatchObject({ code: 'store_unavailable' });
    await (await openHere()).close();
    open.pop();
    const raw = new DatabaseSync(path);
    raw.exec(`delete from migration`);
    raw.close();
    await expect(openHere({ readOnly: true })).rejects.toThrow('veritas setup');
    const other = join(folder, 'other.db');
    writeFileSync(other, 'not a database at all, but long enough to be looked at as one'.repeat(20));
    await expect(openStore({ path: other })).rejects.toMatchObject({ code: 'store_corrupt' });
    await expect(openStore({ path: folder })).rejects.toBeInstanceOf(Error);
  });

  it('writes nothing when opened for reading', async () => {
    await openHere();
    const reader = await openHere({ readOnly: true });
    await expect(insertIssuer(reader.database, issuer('a'))).rejects.toThrow('readonly');
  });

  it('runs transactions of two connections one after the other, and rolls back what throws', async () => {
    const [one, two] = [await openHere(), await openHere({ busyTimeout: 50 })];
    await one.transaction(async (transaction) => {
      await insertIssuer(transaction, issuer('a'));
      await expect(two.transaction((other) => insertIssuer(other, issuer('b')))).rejects.toMatchObject({
        code: 'store_unavailable',
        message: expect.stringContaining('locked'),
      });
    });
    await expect(
      two.transaction(async (transaction) => {
        await insertIssuer(transaction, issuer('c'));
        throw new Error('no');
      }),
    ).rejects.toThrow('no');
    expect((await listIssuers(one.database)).map(({ id }) => id)).toEqual(['a']);
  });

  it('tells of commits of other connections, and not of its own', async () => {
    const [one, two] = [await openHere(), await openHere()];
    const before = one.dataVersion();
    await insertIssuer(one.database, issuer('a'));
    expect(one.dataVersion()).toBe(before);
    await insertIssuer(two.database, issuer('b'));
    expect(one.dataVersion()).not.toBe(before);
  });

  it('lives in memory as well', async () => {
    const store = await openStore({ path: ':memory:' });
    await insertIssuer(store.database, issuer('a'));
    expect(await listIssuers(store.database)).toHaveLength(1);
    await store.close();
    expect(() => store.dataVersion()).toThrow();
    expect(new StoreError('store_corrupt', 'x').code).toBe('store_corrupt');
  });
});
