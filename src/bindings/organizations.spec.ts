import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openTemporaryAuthority, type TemporaryAuthority } from '../../test/support/temporary-authority.js';
import { organizationsDiffer } from './organizations.js';

let temporary: TemporaryAuthority;
beforeAll(async () => {
  temporary = await openTemporaryAuthority();
});
afterAll(() => temporary.close());

test('the organization of the CA that there is counts, not that of the next one', async () => {
  const settings = { ...temporary.settings, organization: 'Acme' };
  const { ca } = await temporary.reopen({ settings });
  expect(organizationsDiffer(ca, 'VERITAS Framework')).toBeUndefined();
  expect(organizationsDiffer(ca, 'Acme')).toBe(
    'certificates of this CA carry the organization VERITAS Framework, and mtls.issuerOrganization asks for Acme: they are refused',
  );
});
