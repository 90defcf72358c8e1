import { expect, test } from '@jest/globals';
import { reservedNamesOf } from './reserved-names.js';

test('a SPIFFE ID with roles is for administrators to have certified, as a name with roles is', () => {
  const reserved = reservedNamesOf(
    {
      roles: [
        { service: 'spiffe://prod.example/ns/Admin', roles: ['admin'] },
        { service: 'admin-client', roles: ['admin'] },
        { service: 'spiffe://prod.example/ns/nobody', roles: [] },
      ],
      trustedProxies: [],
    },
    { epoch: 1, namesWithRoles: () => new Set<string>().values() },
    () => undefined,
  )();
  const isReserved = (value: string): boolean => reserved.firstIn([{ kind: 'uri', value }], undefined) !== undefined;
  expect(
    [
      'spiffe://prod.example/ns/Admin',
      'spiffe://prod.example/ns/admin',
      'spiffe://prod.example/ns/admin-client',
      'spiffe://prod.example/ns/nobody',
      'spiffe://prod.example/ns/billing',
    ].map(isReserved),
  ).toEqual([true, true, true, false, false]);
});
