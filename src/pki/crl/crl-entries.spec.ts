import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { temporaryFolder } from '../../../test/support/folder.js';
import { openStore } from '../../store/index.js';
import { crlEntries } from './crl-entries.js';

test('the statements for another thread are compiled once, however many pages there are, and leave out no place', async () => {
  const store = await openStore({ path: join(temporaryFolder(), 'veritas.db') });
  let compiled = 0;
  const database = store.database.withPlugin({
    transformQuery: ({ node }) => {
      compiled++;
      return node;
    },
    transformResult: ({ result }) => Promise.resolve(result),
  });
  const [after, until] = [7, 3_000_001];
  const contents = { issuer: 'issuing', scope: '2', after, until, validUntil: new Date(1_000) };
  const places = new Map<string, number>();
  for await (const piece of crlEntries(database, contents, { isElsewhere: true })) {
    if (piece instanceof Uint8Array) throw new Error('these are octets');
    for (const { sql, parameters } of piece) {
      const from = places.get(sql) ?? after;
      const to = Math.min(from + 10_000, until);
      expect(parameters).toEqual([...(sql.includes('crl_shard') ? [2] : []), 'issuing', from, to, 1_000]);
      places.set(sql, to);
    }
  }
  expect([...places.values()]).toEqual([until, until]);
  expect(compiled).toBe(2);
  await store.close();
});
