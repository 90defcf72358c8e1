import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { certificationRequest } from '../../../test/support/certification-request.js';
import { hostileRequests } from '../../../test/support/hostile-requests.js';
import { describeOnEachStore } from '../../../test/support/postgres.js';
import {
  openTemporaryAuthority,
  somebody,
  type TemporaryAuthority,
} from '../../../test/support/temporary-authority.js';
import { contextConstructed, write } from '../../der/index.js';
import { listAudit } from '../../store/index.js';
import { nameFrom, Oid } from '../../x509/index.js';
import { openKeyFile } from '../issuer/file-signer.js';
import { keyFileOf } from '../issuer/open-signer.js';

const unknownAlgorithm = write.sequence(write.sequence(write.oid('1.2.3.4')), write.bitString(Uint8Array.of(1, 2, 3)));

describeOnEachStore('hostile requests', (_, newPlace) => {
  let temporary: TemporaryAuthority;
  let rows: number;
  beforeAll(async () => {
    temporary = await openTemporaryAuthority({ newPlace });
    rows = (await listAudit(temporary.store.database, 0, 100)).length;
  });
  afterAll(() => temporary.close());

  it.each(hostileRequests.map(([what, code, request, more]) => ({ what, code, request, more })))(
    'refuses $what with $code',
    async ({ code, request, more }) => {
      const refused: string[] = [];
      const off = temporary.authority.events.on('issuance.refused', (event) => refused.push(event.code));
      await expect(
        temporary.authority.ca.issue({ request: request(), requester: somebody, ...more }),
      ).rejects.toMatchObject({
        name: 'PkiError',
        code,
        status: 400,
      });
      off();
      expect(refused).toEqual([code]);
    },
  );

  it('refuses a key of an algorithm that it does not know, before it looks at anything', async () => {
    const info = write.sequence(
      write.integer(0),
      nameFrom({ commonName: 'orders' }).der,
      unknownAlgorithm,
      write.element(contextConstructed(0)),
    );
    const request = write.sequence(
      info,
      write.sequence(write.oid(Oid.ecdsaWithSha256)),
      write.bitString(Uint8Array.of(0)),
    );
    await expect(temporary.authority.ca.issue({ request, requester: somebody })).rejects.toMatchObject({
      code: 'proof_of_possession_failed',
    });
  });

  it("refuses the CA's own key", async () => {
    const { ca } = temporary.authority;
    const refused = { code: 'public_key_not_allowed' };
    for (const id of ['issuing', 'root']) {
      const key = await openKeyFile(keyFileOf(temporary.settings, id));
      const wanted = { request: certificationRequest({ key, commonName: 'plant' }), requester: somebody };
      await expect(ca.issue(wanted)).rejects.toMatchObject(refused);
      await expect(ca.issueIntermediate(wanted)).rejects.toMatchObject(refused);
    }
  });

  it('signed, stored and recorded nothing of all this', async () => {
    expect(hostileRequests.length).toBeGreaterThanOrEqual(100);
    expect((await temporary.authority.ca.list()).rows.map(({ profile }) => profile).sort()).toEqual([
      'issuing',
      'root',
    ]);
    expect(await listAudit(temporary.store.database, rows, 10)).toEqual([]);
  });
});
