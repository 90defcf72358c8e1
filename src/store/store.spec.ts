import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { chmodSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout } from 'node:timers/promises';
import { sql } from 'kysely';
import { describeOnEachStore, type StorePlace } from '../../test/support/postgres.js';
import { readingThread } from '../../test/support/reading-thread.js';
import { checkSound } from './check-sound.js';
import { insertIssuer, listIssuers } from './issuer.store.js';
import { migrateStore, migrationStatus, openStore } from './open-store.js';
import { StoreError } from './store-error.js';
import type { Store, StoreOptions } from './store.js';

const issuer = (id: string, parent = id) => ({
  id,
  role: 'root' as const,
  parent,
  der: Uint8Array.of(1, 2),
  created_at: 1,
});

const insert = (store: Store, id: string, parent?: string): Promise<void> =>
  store.transaction((transaction) => insertIssuer(transaction, issuer(id, parent)));
const idsIn = async (store: Store): Promise<string[]> => (await listIssuers(store.database)).map(({ id }) => id);

const nothingToWrite = () => ({ statements: [], written: () => undefined as never });

const open: Store[] = [];
const opened = async (options: StoreOptions): Promise<Store> => {
  const store = await openStore(options);
  open.push(store);
  return store;
};
const closeAll = async (): Promise<void> => {
  for (const store of open.splice(0)) await store.close();
};

describeOnEachStore('a store', (_, newPlace) => {
  let place: StorePlace;
  const openHere = (more: Partial<StoreOptions> = {}): Promise<Store> => opened({ ...place.options, ...more });
  beforeEach(async () => {
    place = await newPlace();
  });
  afterEach(async () => {
    await closeAll();
    await place.remove();
  });

  it('checks references, and keeps its rows and its schema when it is opened again', async () => {
    const first = await openHere();
    await insert(first, 'a');
    await expect(insert(first, 'b', 'nobody')).rejects.toThrow(/foreign key/i);
    await closeAll();
    expect(await idsIn(await openHere())).toEqual(['a']);
  });

  it.each([undefined, readingThread()])('has snapshots that stay what they were and cannot write', async (thread) => {
    const store = await openHere();
    await insert(store, 'a');
    const seen = await store.snapshot(async (database) => {
      const before = await listIssuers(database);
      await insert(store, 'b');
      const after = await listIssuers(database);
      await expect(database.deleteFrom('issuer').execute()).rejects.toThrow(/read.?only/i);
      return [before, after].map((rows) => rows.map(({ id }) => id));
    }, thread);
    expect(seen).toEqual([['a'], ['a']]);
    const failed = store.snapshot(() => Promise.reject(new Error('of the work')), thread);
    await expect(failed).rejects.toThrow('of the work');
    expect(await idsIn(store)).toEqual(['a', 'b']);
  });

  it('has no snapshot once it is closed', async () => {
    const store = await openHere();
    await store.close();
    await expect(store.snapshot((database) => listIssuers(database))).rejects.toMatchObject({
      code: 'store_unavailable',
    });
  });

  it('refuses a store that a newer version wrote, and leaves it as it is', async () => {
    const store = await openHere();
    await store.transaction((transaction) =>
      sql`insert into migration (name, applied_at) values ('9999-from-the-future', 1)`.execute(transaction),
    );
    await closeAll();
    for (const readOnly of [false, true])
      await expect(openHere({ readOnly })).rejects.toMatchObject({
        code: 'store_too_new',
        message: expect.stringContaining('9999-from-the-future'),
      });
  });

  it('writes nothing to a store that a newer version brought forward while it was open', async () => {
    const store = await openHere();
    await insert(store, 'a');
    await place.execute(`insert into migration (name, applied_at) values ('9999-from-the-future', 1)`);
    const both = [insert(store, 'b'), insert(store, 'c')];
    for (const one of [...both, insert(store, 'd')])
      await expect(one).rejects.toMatchObject({
        code: 'store_too_new',
        message: expect.stringContaining('9999-from-the-future'),
      });
    await expect(store.transaction(() => Promise.reject(new Error('ran')), nothingToWrite)).rejects.toMatchObject({
      code: 'store_too_new',
    });
    expect(await idsIn(store)).toEqual(['a']);
  });

  it('refuses to read a store whose schema is an earlier one, and says what to type', async () => {
    const store = await openHere();
    await store.transaction((transaction) => sql`delete from migration`.execute(transaction));
    await closeAll();
    await expect(openHere({ readOnly: true })).rejects.toThrow('veritas setup');
  });

  it('writes in transactions only, and not at all when opened for reading', async () => {
    const store = await openHere();
    await expect(insertIssuer(store.database, issuer('a'))).rejects.toThrow(/read-?only/);
    const reader = await openHere({ readOnly: true });
    await expect(insert(reader, 'a')).rejects.toThrow(/read-?only/);
    expect(await idsIn(store)).toEqual([]);
  });

  it('runs transactions of two connections one after the other, and rolls back what throws', async () => {
    const [one, two] = [await openHere(), await openHere({ busyTimeout: 50 })];
    await one.transaction(async (transaction) => {
      await insertIssuer(transaction, issuer('a'));
      await expect(insert(two, 'b')).rejects.toMatchObject({
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
    expect(await idsIn(one)).toEqual(['a']);
  });

  it('tells of commits of other connections', async () => {
    const [one, two] = [await openHere(), await openHere()];
    const before = await one.dataVersion();
    // A PostgreSQL server numbers the transactions of all its databases together, those of other tests as well.
    if (!one.isShared) expect(await one.dataVersion()).toBe(before);
    await insert(two, 'a');
    expect(await one.dataVersion()).not.toBe(before);
  });

  it('writes what it was asked for before it was closed', async () => {
    const store = await openStore(place.options);
    const slow = store.transaction(async (transaction) => {
      await insertIssuer(transaction, issuer('a'));
      await setTimeout(50);
      await insertIssuer(transaction, issuer('b'));
    });
    const waiting = insert(store, 'c');
    await setTimeout(20);
    const closed = store.close();
    await expect(insert(store, 'd')).rejects.toMatchObject({ code: 'store_unavailable' });
    await Promise.all([slow, waiting, closed]);
    expect(await idsIn(await openHere())).toEqual(['a', 'b', 'c']);
  });

  it('writes nothing once it is closed, used before or not', async () => {
    for (const isUsed of [true, false]) {
      const store = await openStore(place.options);
      if (isUsed) await insert(store, 'a');
      await store.close();
      await expect(insert(store, 'b')).rejects.toMatchObject({ code: 'store_unavailable' });
    }
  });
});

describe('a SQLite store', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'veritas-store-'));
    path = join(folder, 'var/veritas.db');
  });
  afterEach(async () => {
    await closeAll();
    rmSync(folder, { recursive: true });
  });

  it('makes its folder 0700 and its files 0600, and closes a file that is open to others', async () => {
    const store = await opened({ path });
    await insert(store, 'a');
    expect(statSync(join(folder, 'var')).mode & 0o777).toBe(0o700);
    for (const suffix of ['', '-wal', '-shm']) expect(statSync(path + suffix).mode & 0o777).toBe(0o600);
    chmodSync(path, 0o644);
    await opened({ path });
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('writes ahead, and flushes each commit', async () => {
    const store = await opened({ path });
    const { rows } = await store.transaction((transaction) =>
      sql<{ synchronous: number }>`pragma synchronous`.execute(transaction),
    );
    expect(rows).toEqual([{ synchronous: 2 }]);
    const raw = new DatabaseSync(path);
    expect(raw.prepare('pragma journal_mode').get()?.journal_mode).toBe('wal');
    raw.close();
  });

  it('writes nothing, and says so, once another file is in its place', async () => {
    const store = await opened({ path });
    await insert(store, 'a');
    await store.dataVersion();
    const moved = join(folder, 'moved');
    renameSync(join(folder, 'var'), moved);
    const isReplaced = { code: 'store_unavailable', message: expect.stringContaining('moved away or replaced') };
    await expect(insert(store, 'b')).rejects.toMatchObject(isReplaced);
    const restored = await opened({ path });
    await expect(insert(store, 'b')).rejects.toMatchObject(isReplaced);
    await expect(store.transaction(() => Promise.reject(new Error('ran')), nothingToWrite)).rejects.toMatchObject(
      isReplaced,
    );
    await expect(store.dataVersion()).rejects.toMatchObject(isReplaced);
    await insert(restored, 'c');
    expect(await idsIn(restored)).toEqual(['c']);
    expect(await idsIn(await opened({ path: join(moved, 'veritas.db') }))).toEqual(['a']);
  });

  it('writes nothing, and says so, once its log was taken away, and has what it wrote before', async () => {
    const store = await opened({ path });
    await insert(store, 'a');
    rmSync(`${path}-wal`);
    const isReplaced = { code: 'store_unavailable', message: expect.stringContaining('moved away or replaced') };
    await expect(insert(store, 'b')).rejects.toMatchObject(isReplaced);
    await expect(store.dataVersion()).rejects.toMatchObject(isReplaced);
    await store.close();
    expect(await idsIn(await opened({ path }))).toEqual(['a']);
  });

  it('refuses what is absent for reading, and a file that is no database', async () => {
    await expect(openStore({ path, readOnly: true })).rejects.toMatchObject({ code: 'store_unavailable' });
    const other = join(folder, 'other.db');
    writeFileSync(other, 'not a database at all, but long enough to be looked at as one'.repeat(20));
    await expect(openStore({ path: other })).rejects.toMatchObject({ code: 'store_corrupt' });
    await expect(openStore({ path: folder })).rejects.toBeInstanceOf(StoreError);
  });

  it('names itself when it comes upon a damaged page, whoever reads or writes', async () => {
    const store = await opened({ path });
    for (let i = 0; i < 200; i++) await insert(store, `ca-${i}`);
    await store.close();
    const octets = readFileSync(path);
    const raw = new DatabaseSync(path, { readOnly: true });
    const root = raw.prepare(`select rootpage from sqlite_schema where name = 'issuer'`).get()?.rootpage;
    raw.close();
    octets.fill(0x5a, (Number(root) - 1) * 4096, Number(root) * 4096);
    writeFileSync(path, octets);
    const damaged = { code: 'store_corrupt', message: `the store ${path} is not a sound database: restore a backup` };
    const again = await opened({ path });
    await expect(idsIn(again)).rejects.toMatchObject(damaged);
    await expect(again.snapshot((database) => listIssuers(database))).rejects.toMatchObject(damaged);
    await expect(insert(again, 'b')).rejects.toMatchObject(damaged);
    await expect(idsIn(await opened({ path, readOnly: true }))).rejects.toMatchObject(damaged);
    await expect(checkSound(again.database, path)).rejects.toMatchObject(damaged);
  });

  it('is damaged where an index of some rows lost one of them', async () => {
    const firstPage = (contents?: Uint8Array): Buffer => {
      const raw = new DatabaseSync(path, { readOnly: true });
      const root = raw.prepare(`select rootpage from sqlite_schema where name = 'issuer_active'`).get()?.rootpage;
      raw.close();
      const octets = readFileSync(path);
      if (contents) octets.set(contents, (Number(root) - 1) * 4096);
      writeFileSync(path, octets);
      return octets.subarray((Number(root) - 1) * 4096, Number(root) * 4096);
    };
    const store = await opened({ path });
    await insert(store, 'a');
    await expect(checkSound(store.database, path)).resolves.toBeUndefined();
    await store.close();
    const before = firstPage();
    const again = await opened({ path });
    await again.transaction((transaction) => insertIssuer(transaction, { ...issuer('b'), state: 'active' }));
    await again.close();
    firstPage(before);
    await expect(checkSound((await opened({ path })).database, path)).rejects.toMatchObject({ code: 'store_corrupt' });
  });

  it('is not brought forward where it is damaged, and stays as it is', async () => {
    await (await opened({ path })).close();
    const octets = readFileSync(path);
    const raw = new DatabaseSync(path, { readOnly: true });
    const index = raw.prepare(`select rootpage from sqlite_schema where name = 'sqlite_autoindex_migration_1'`).get();
    raw.close();
    // An index without entries: by it no migration was ever applied.
    octets.writeUInt16BE(0, (Number(index?.rootpage) - 1) * 4096 + 3);
    writeFileSync(path, octets);
    const damaged = { code: 'store_corrupt', message: `the store ${path} is not a sound database: restore a backup` };
    await expect(openStore({ path })).rejects.toMatchObject(damaged);
    await expect(migrateStore({ path })).rejects.toMatchObject(damaged);
    expect(readFileSync(path)).toEqual(octets);
  });

  it('is not opened in the database of another program, which stays as it is', async () => {
    for (const table of ['bookmark (url text)', 'migration (version text)', 'certificate (der blob)']) {
      const other = join(folder, `${table.length}.db`);
      const sqlite = new DatabaseSync(other);
      sqlite.exec(`create table ${table}`);
      sqlite.close();
      const before = readFileSync(other);
      const foreign = { code: 'store_corrupt', message: expect.stringContaining('is the database of another program') };
      for (const options of [{}, { readOnly: true }, { bare: true }])
        await expect(openStore({ path: other, ...options })).rejects.toMatchObject(foreign);
      await expect(migrateStore({ path: other })).rejects.toMatchObject(foreign);
      await expect(migrationStatus({ path: other })).rejects.toMatchObject(foreign);
      expect(readFileSync(other)).toEqual(before);
    }
  });

  it('lives in memory as well', async () => {
    const store = await opened({ path: ':memory:' });
    await insert(store, 'a');
    expect(await idsIn(store)).toEqual(['a']);
  });
});
