import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeOnEachStore, type StorePlace } from '../../test/support/postgres.js';
import { compromisedKeys, findCertificate, insertCertificate, reserveSerial } from './certificate.store.js';
import { countCertificates, CursorError, listCertificates, type CertificateFilter } from './inventory.store.js';
import { insertIssuer } from './issuer.store.js';
import { lastRevocationSequence, markRevoked } from './revocation.store.js';
import { openStore } from './open-store.js';
import type { Store } from './store.js';

const NOW = new Date('2026-06-01T00:00:00Z');
const DAY = 86_400_000;

describeOnEachStore('certificates in the store', (_, newPlace) => {
  let place: StorePlace;
  let store: Store;

  // Twelve certificates, pairs of them issued in the same millisecond: c0 … cb; every third expired, odd ones of service b.
  beforeAll(async () => {
    place = await newPlace();
    store = await openStore(place.options);
    await store.transaction(async (transaction) => {
      await insertIssuer(transaction, {
        id: 'issuing',
        role: 'issuing',
        parent: 'issuing',
        der: new Uint8Array(1),
        created_at: 1,
      });
      for (let i = 0; i < 12; i++) {
        const serial = `c${i.toString(16)}`;
        expect(await reserveSerial(transaction, serial, NOW)).toBe(true);
        await insertCertificate(transaction, {
          serial,
          issuer: 'issuing',
          profile: 'service',
          service: i % 2 ? 'b' : 'a',
          subject: `CN=${serial}`,
          not_before: NOW.getTime() - 10 * DAY,
          not_after: NOW.getTime() + (i % 3 ? i * DAY : -DAY),
          spki_sha256: `key${i}`,
          fingerprint: `print${i}`,
          der: Uint8Array.of(i),
          requester: 'test',
          request_id: 'r',
          issued_at: NOW.getTime() + Math.floor(i / 2),
        });
      }
      await markRevoked(transaction, { serial: 'c4', reason: 'keyCompromise', revokedAt: NOW });
      await markRevoked(transaction, { serial: 'c3', reason: 'superseded', revokedAt: NOW });
    });
  });
  afterAll(async () => {
    await store.close();
    await place.remove();
  });

  const serials = async (filter: CertificateFilter): Promise<string[]> =>
    (await listCertificates(store.database, { now: NOW, ...filter })).rows.map(({ serial }) => serial);

  it('gives every certificate once, newest first, page after page', async () => {
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await listCertificates(store.database, { cursor, limit: 5 });
      expect(page.rows.length).toBeLessThanOrEqual(5);
      seen.push(...page.rows.map(({ serial }) => serial));
      cursor = page.next;
    } while (cursor !== undefined);
    expect(seen).toEqual(['cb', 'ca', 'c9', 'c8', 'c7', 'c6', 'c5', 'c4', 'c3', 'c2', 'c1', 'c0']);
  });

  it('filters by status, service and expiry, alone and together', async () => {
    expect(await serials({ status: 'revoked' })).toEqual(['c4', 'c3']);
    expect(await serials({ status: 'expired' })).toEqual(['c9', 'c6', 'c0']);
    expect(await serials({ status: 'active' })).toEqual(['cb', 'ca', 'c8', 'c7', 'c5', 'c2', 'c1']);
    expect(await serials({ service: 'b', status: 'active' })).toEqual(['cb', 'c7', 'c5', 'c1']);
    expect(await serials({ status: 'active', expiresBefore: new Date(NOW.getTime() + 3 * DAY) })).toEqual(['c2', 'c1']);
    expect(await serials({ service: 'nobody' })).toEqual([]);
    const soon = new Date(NOW.getTime() + 5 * DAY);
    expect(await serials({ expiresBefore: soon })).toEqual(['c4', 'c2', 'c1', 'c9', 'c6', 'c3', 'c0']);
    expect(await serials({ expiresBefore: soon, status: 'revoked', service: 'a' })).toEqual(['c4']);
  });

  it('pages through every filter in the order of the whole, and counts it', async () => {
    const soon = new Date(NOW.getTime() + 5 * DAY);
    for (const status of [undefined, 'active', 'expired', 'revoked'] as const)
      for (const service of [undefined, 'a'])
        for (const expiresBefore of [undefined, soon]) {
          const filter = { status, service, expiresBefore };
          const whole = await serials(filter);
          const seen: string[] = [];
          let cursor: string | undefined;
          do {
            const page = await listCertificates(store.database, { now: NOW, ...filter, cursor, limit: 1 });
            seen.push(...page.rows.map(({ serial }) => serial));
            cursor = page.next;
          } while (cursor !== undefined);
          expect([filter, seen]).toEqual([filter, whole]);
          expect(await countCertificates(store.database, { now: NOW, ...filter })).toBe(whole.length);
        }
  });

  it('takes no cursor of a list by another filter, which would pass over what comes before it there', async () => {
    const filters: readonly CertificateFilter[] = [
      {},
      { status: 'active' },
      { status: 'revoked' },
      { service: 'a' },
      { service: 'a', status: 'active' },
      { expiresBefore: NOW },
      { expiresBefore: new Date(NOW.getTime() + 5 * DAY) },
    ];
    for (const filter of filters) {
      const { next: cursor } = await listCertificates(store.database, { now: NOW, ...filter, limit: 1 });
      expect(cursor).toBeDefined();
      for (const other of filters) {
        const page = listCertificates(store.database, { now: NOW, ...other, cursor });
        if (other === filter) await page;
        else await expect(page).rejects.toThrow(CursorError);
      }
    }
  });

  it('refuses cursors that it did not make, and limits out of bounds', async () => {
    for (const cursor of ['', 'x', 'a'.repeat(200), Buffer.from('1:zz').toString('base64url')])
      await expect(listCertificates(store.database, { cursor })).rejects.toBeInstanceOf(CursorError);
    for (const limit of [0, -1, 1.5, 1001])
      await expect(listCertificates(store.database, { limit })).rejects.toBeInstanceOf(RangeError);
  });

  it('takes a serial number once', async () => {
    expect(await store.transaction((transaction) => reserveSerial(transaction, 'c0', NOW))).toBe(false);
    expect(await findCertificate(store.database, 'ff')).toBeUndefined();
    const row = (await findCertificate(store.database, 'c0'))!;
    await expect(
      store.transaction((transaction) => insertCertificate(transaction, { ...row, serial: 'dd', fingerprint: 'dd' })),
    ).rejects.toThrow(/foreign key/i);
  });

  const update = (serial: string, set: object) =>
    store.transaction((transaction) =>
      transaction.updateTable('certificate').set(set).where('serial', '=', serial).execute(),
    );

  it('orders revocations, and keeps them final', async () => {
    const sequenceOf = async (serial: string) => (await findCertificate(store.database, serial))?.revocation_sequence;
    expect([await sequenceOf('c4'), await sequenceOf('c3')]).toEqual([1, 2]);
    expect(await lastRevocationSequence(store.database, 'issuing')).toBe(2);
    expect(await lastRevocationSequence(store.database, 'root')).toBe(0);
    const final = 'a revocation is final';
    await expect(update('c4', { revocation_reason: 'unspecified' })).rejects.toThrow(final);
    await expect(update('c4', { revocation_reason: 'cACompromise' })).rejects.toThrow(final);
    await expect(update('c3', { revocation_reason: 'superseded' })).rejects.toThrow(final);
    await expect(update('c3', { revocation_reason: 'keyCompromise', revoked_at: 1 })).rejects.toThrow(final);
    await expect(
      update('c3', { revocation_reason: 'keyCompromise', status: 'active', revoked_at: null }),
    ).rejects.toThrow(final);
  });

  it('remembers keys that were compromised, and those only', async () => {
    expect(await compromisedKeys(store.database, ['key3', 'key4'])).toEqual(new Set(['key4']));
    await update('c3', { revocation_reason: 'keyCompromise' });
    expect(await compromisedKeys(store.database, ['key3', 'key4'])).toEqual(new Set(['key3', 'key4']));
  });
});
