import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { describeOnEachStore, type StorePlace } from '../../test/support/postgres.js';
import { listIssuers, openStore, type Store } from '../store/index.js';
import { storePart } from './store-health.js';

const now = (): Date => new Date();

describeOnEachStore('the store in the health answer', (kind, newPlace) => {
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

  it('is up while it can be written to, and down once a newer version has brought it forward', async () => {
    const part = storePart(store, now);
    expect(await part.check()).toEqual({ state: 'up' });
    await place.execute(`insert into migration (name, applied_at) values ('9999-from-the-future', 1)`);
    expect(await part.check()).toEqual({ state: 'down', detail: 'a newer version has changed it' });
    await expect(store.transaction(() => Promise.resolve())).rejects.toMatchObject({ code: 'store_too_new' });
    await place.execute(`delete from migration where name = '9999-from-the-future'`);
    expect(await part.check()).toEqual({ state: 'up' });
  });

  it('warns when the clock of the database is another one', async () => {
    const ahead = storePart(store, () => new Date(Date.now() + 60_000));
    const behind = storePart(store, () => new Date(Date.now() - 3_600_000));
    const details = [await ahead.check(), await behind.check()].map(({ state, detail }) => [state, detail]);
    if (kind === 'SQLite') expect(details).toEqual(Array(2).fill(['up', undefined]));
    else
      expect(details).toEqual([
        ['warning', expect.stringMatching(/^this machine's clock is 6\d s ahead of the database's$/)],
        ['warning', expect.stringMatching(/^this machine's clock is 3[56]\d\d s behind the database's$/)],
      ]);
  });

  if (kind === 'SQLite')
    it.each(['reads', 'writes'])('is down once somebody who %s came upon a damaged page', async (what) => {
      const path = join(place.folder, 'var/veritas.db');
      await store.close();
      const octets = readFileSync(path);
      const sqlite = new DatabaseSync(path, { readOnly: true });
      const table = sqlite.prepare(`select rootpage from sqlite_schema where name = 'issuer'`).get();
      sqlite.close();
      octets.fill(0, (Number(table?.rootpage) - 1) * 4096, Number(table?.rootpage) * 4096);
      writeFileSync(path, octets);
      store = await openStore(place.options);
      const read = what === 'reads' ? listIssuers(store.database) : store.transaction(listIssuers);
      await expect(read).rejects.toMatchObject({ code: 'store_corrupt' });
      expect(await storePart(store, now).check()).toEqual({ state: 'down', detail: 'is damaged' });
    });

  if (kind === 'SQLite')
    it('is down once its file was moved away', async () => {
      renameSync(join(place.folder, 'var'), join(place.folder, 'moved'));
      expect(await storePart(store, now).check()).toEqual({ state: 'down', detail: 'cannot be used' });
    });
});
