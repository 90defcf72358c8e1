import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { describeOnEachStore, type StorePlace } from '../../test/support/postgres.js';
import { openStore, type Store } from '../store/index.js';
import { storePart } from './store-health.js';

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
    const part = storePart(store);
    expect(await part.check()).toEqual({ state: 'up' });
    await place.execute(`insert into migration (name, applied_at) values ('9999-from-the-future', 1)`);
    expect(await part.check()).toEqual({ state: 'down', detail: 'a newer version has changed it' });
    await expect(store.transaction(() => Promise.resolve())).rejects.toMatchObject({ code: 'store_too_new' });
    await place.execute(`delete from migration where name = '9999-from-the-future'`);
    expect(await part.check()).toEqual({ state: 'up' });
  });

  if (kind === 'SQLite')
    it('is down once its file was moved away', async () => {
      renameSync(join(place.folder, 'var'), join(place.folder, 'moved'));
      expect(await storePart(store).check()).toEqual({ state: 'down', detail: 'cannot be used' });
    });
});
