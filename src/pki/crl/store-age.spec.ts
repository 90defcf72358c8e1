import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describeOnEachStore } from '../../../test/support/postgres.js';
import {
  openTemporaryAuthority,
  somebody,
  type TemporaryAuthority,
} from '../../../test/support/temporary-authority.js';
import type { Store } from '../../store/index.js';
import { checkStoreIsCurrent } from './store-age.js';

/** The same store, which counts how often it is asked. */
function counting(store: Store): { readonly store: Store; readonly asked: () => number } {
  let asked = 0;
  const database = new Proxy(store.database, {
    get: (target, key) => {
      if (key === 'selectFrom') asked++;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  return {
    store: new Proxy(store, {
      get: (target, key) => (key === 'database' ? database : (Reflect.get(target, key, target) as unknown)),
    }),
    asked: () => asked,
  };
}

describeOnEachStore('the age of a store', (_, newPlace) => {
  let temporary: TemporaryAuthority;
  beforeEach(async () => {
    temporary = await openTemporaryAuthority({ newPlace });
  });
  afterEach(() => temporary.close());

  it('is asked for once, however many shards there are', async () => {
    const { authority, folder } = temporary;
    await authority.crls.publishIfDue(somebody);
    const lists = join(folder, 'var/crl');
    mkdirSync(join(lists, 'issuing'), { recursive: true });
    for (let shard = 0; shard < 1024; shard++)
      copyFileSync(join(lists, 'issuing.crl'), join(lists, 'issuing', `${shard}.crl`));
    const { store, asked } = counting(authority.store);
    const issuing = authority.ca.authorities.find(({ id }) => id === 'issuing');
    if (!issuing) throw new Error('there is no issuing CA');
    await checkStoreIsCurrent(store, issuing, lists);
    expect(asked()).toBeLessThan(10);
  });
});
