import { afterEach, beforeEach, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { describeOnEachStore, type StorePlace } from '../../test/support/postgres.js';
import { insertCertificate, reserveSerial } from './certificate.store.js';
import { encodeCrlEntry } from './crl-entry.js';
import { insertIssuer } from './issuer.store.js';
import { openStore } from './open-store.js';
import { readPage, revocationPage, revokedSerialPage } from './revocation-page.store.js';
import { insertRevokedSerial, markReleased, markRevoked } from './revocation.store.js';
import type { Store } from './store.js';

const NOW = new Date('2026-06-01T00:00:00Z');
const DAY = 86_400_000;
const CERTIFICATES = 8;
const serialOf = (i: number): string => `0${i}c0`;
const reason = 'certificateHold';

describeOnEachStore('a page of revocations', (_, newPlace) => {
  let place: StorePlace;
  let store: Store;
  beforeEach(async () => {
    place = await newPlace();
    store = await openStore(place.options);
    await store.transaction(async (transaction) => {
      const issuer = {
        id: 'issuing',
        role: 'issuing',
        parent: 'issuing',
        der: new Uint8Array(1),
        created_at: 1,
      } as const;
      await insertIssuer(transaction, issuer);
      for (let i = 0; i < CERTIFICATES; i++) {
        const serial = serialOf(i);
        await reserveSerial(transaction, serial, NOW);
        await insertCertificate(transaction, {
          ...{ serial, issuer: 'issuing', profile: 'service', service: 'a', subject: 'CN=a' },
          ...{ not_before: 0, not_after: NOW.getTime() + i * DAY, issued_at: 0, crl_shard: i % 2 },
          ...{ spki_sha256: serial, fingerprint: serial, der: Uint8Array.of(i), requester: 'test', request_id: 'r' },
        });
      }
    });
  });
  afterEach(async () => {
    await store.close();
    await place.remove();
  });

  const revoke = (i: number): Promise<number> =>
    store.transaction((transaction) => markRevoked(transaction, { serial: serialOf(i), reason, revokedAt: NOW }));
  const entries = (...which: readonly number[]): Buffer =>
    Buffer.concat(which.map((i) => encodeCrlEntry({ serial: serialOf(i), reason, revokedAt: NOW })));
  const page = async (part: object = {}): Promise<Buffer> =>
    Buffer.from(await readPage(revocationPage(store.database, { issuer: 'issuing', after: 0, until: 100, ...part })));

  it('has the entries of its part, in the order of revocations, and none of what was released', async () => {
    for (const i of [3, 1, 4, 2, 5]) await revoke(i);
    expect(await page()).toEqual(entries(3, 1, 4, 2, 5));
    expect(await page({ after: 1, until: 4 })).toEqual(entries(1, 4, 2));
    expect(await page({ shard: 1 })).toEqual(entries(3, 1, 5));
    expect(await page({ validUntil: new Date(NOW.getTime() + 3 * DAY) })).toEqual(entries(3, 4, 5));
    expect(await page({ issuer: 'nobody' })).toEqual(entries());
    await store.transaction((transaction) =>
      markReleased(transaction, {
        certificate: { serial: serialOf(4), issuer: 'issuing', crl_shard: 0, not_after: 0 },
        releasedAt: NOW,
      }),
    );
    // On hold, and then for good: at another place, with another reason.
    await store.transaction((transaction) =>
      markRevoked(transaction, { serial: serialOf(3), reason: 'superseded', revokedAt: NOW, invalidityDate: NOW }),
    );
    const final = { serial: serialOf(3), reason: 'superseded', revokedAt: NOW, invalidityDate: NOW };
    expect(await page()).toEqual(Buffer.concat([entries(1, 2, 5), encodeCrlEntry(final)]));
  });

  it('has serial numbers of which nothing else is known apart', async () => {
    const lost = { serial: 'f1', issuer: 'issuing', reason, notAfter: NOW.getTime(), revokedAt: NOW };
    await store.transaction((transaction) => insertRevokedSerial(transaction, lost));
    expect(await page()).toEqual(entries());
    const part = { issuer: 'issuing', after: 0, until: 100 };
    const octets = await readPage(revokedSerialPage(store.database, part));
    expect(Buffer.from(octets)).toEqual(Buffer.from(encodeCrlEntry({ serial: 'f1', reason, revokedAt: NOW })));
    expect((await readPage(revokedSerialPage(store.database, { ...part, validUntil: new Date() }))).length).toBe(0);
  });

  it('is whatever octets the entries are, zeros among them', async () => {
    for (let i = 0; i < CERTIFICATES; i++) await revoke(i);
    const octet = fc.oneof(fc.constantFrom(0x00, 0xff, 0xc3, 0x80), fc.integer({ min: 0, max: 255 }));
    const entry = fc.array(octet, { minLength: 1, maxLength: 60 }).map((octets) => Uint8Array.from(octets));
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { minLength: CERTIFICATES, maxLength: CERTIFICATES }), async (octets) => {
        await store.transaction(async (transaction) => {
          for (const [i, crl_entry] of octets.entries())
            await transaction.updateTable('certificate').set({ crl_entry }).where('serial', '=', serialOf(i)).execute();
        });
        expect(await page()).toEqual(Buffer.concat(octets));
      }),
      { numRuns: 100 },
    );
  });

  it('is none when a revocation has no entry', async () => {
    await revoke(1);
    const sequence = await revoke(2);
    await place.execute(`update certificate set crl_entry = null where serial = '${serialOf(2)}'`);
    await expect(page()).rejects.toMatchObject({ code: 'store_corrupt' });
    expect(await page({ until: sequence - 1 })).toEqual(entries(1));
  });

  it('has no entry of before: an earlier version that still runs, and knows nothing of entries, cannot revoke', async () => {
    const asBefore = (serial: string, reason: string): Promise<void> =>
      place.execute(`update certificate set status = 'revoked', revoked_at = 1, revocation_reason = '${reason}',
        revocation_sequence = 90 where serial = '${serial}'`);
    await revoke(1);
    await expect(asBefore(serialOf(2), 'superseded')).rejects.toThrow('a revocation has its entry of the lists');
    await expect(asBefore(serialOf(1), 'keyCompromise')).rejects.toThrow('a revocation has its entry of the lists');
    expect(await page()).toEqual(entries(1));
  });

  it('has no entry for a reason that is none', async () => {
    const revoked = store.transaction((transaction) =>
      markRevoked(transaction, { serial: serialOf(1), reason: 'toString', revokedAt: NOW }),
    );
    await expect(revoked).rejects.toThrow('toString is no reason of RFC 5280');
    expect(await page()).toEqual(entries());
  });
});
