import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { describeOnEachStore } from '../../../test/support/postgres.js';
import { openTemporaryAuthority, type TemporaryAuthority } from '../../../test/support/temporary-authority.js';
import { TestCa } from '../../testing/index.js';
import { Oid, encodeName, type Certificate } from '../../x509/index.js';

const DAY = 86_400_000;
const ca = TestCa.root();

describeOnEachStore('peers that the store does not list', (_, newPlace) => {
  let temporary: TemporaryAuthority;
  beforeEach(async () => {
    temporary = await openTemporaryAuthority({ newPlace });
  });
  afterEach(() => temporary.close());

  const subject = encodeName([[{ type: Oid.commonName, value: 'a'.repeat(30_000) }]]);
  const { certificate } = ca.issue({ subject });
  /** As of a CA below ours that makes ever more of them. */
  const peer = (number: number, notAfter: Date): Certificate =>
    Object.create(certificate, {
      serialNumber: { value: number.toString(16).padStart(8, '0') },
      notAfter: { value: notAfter },
      fingerprint256: { value: `${number}, until ${notAfter.toISOString()}` },
    }) as Certificate;

  it('are noted up to a bound, those that end last, and with names of a bounded length', async () => {
    const { authority, store } = temporary;
    const now = Date.now();
    const last = new Date(now + 30 * DAY);
    const noted = async (peers: readonly Certificate[]): Promise<string[]> => {
      for (const each of peers) authority.sightings.note([each, authority.ca.issuing.certificate], now);
      await authority.sightings.flush();
      const rows = await store.database.selectFrom('unlisted_peer').select(['serial', 'service']).execute();
      expect(Math.max(...rows.map(({ service }) => service.length))).toBeLessThanOrEqual(256);
      return rows.map(({ serial }) => serial);
    };
    expect(await noted([peer(1, last)])).toEqual(['00000001']);
    for (let batch = 1; batch <= 2; batch++) {
      const many = Array.from({ length: 1000 }, (_, i) => peer(batch * 10_000 + i, new Date(now + DAY)));
      const serials = await noted(many);
      expect(serials).toHaveLength(1000);
      expect(serials).toContain('00000001');
    }
    const { usage } = (await authority.rollover.status()).find(({ id }) => id === 'issuing')!;
    expect(usage).toMatchObject({ valid: 1000, lastNotAfter: last.getTime() });
  });

  it('with one serial number, which each CA below ours gives by itself (RFC 5280 §4.1.2.2): the one that ends last counts', async () => {
    const { authority } = temporary;
    const now = Date.now();
    const late = peer(1, new Date(now + 30 * DAY));
    const early = peer(1, new Date(now + DAY));
    const standing = async (...peers: readonly Certificate[]) => {
      for (const each of peers) authority.sightings.note([each, authority.ca.issuing.certificate], now);
      await authority.sightings.flush();
      return (await authority.rollover.status()).find(({ id }) => id === 'issuing')?.usage.lastNotAfter;
    };
    expect(await standing(early)).toBe(early.notAfter.getTime());
    expect(await standing(late, early)).toBe(late.notAfter.getTime());
    expect(await standing(early)).toBe(late.notAfter.getTime());
  });

  it('with one serial number below two of our CAs count for each of them', async () => {
    const { authority } = temporary;
    const now = Date.now();
    const [late, early] = [peer(1, new Date(now + 30 * DAY)), peer(1, new Date(now + DAY))];
    const root = authority.ca.authorities.find(({ id }) => id === 'root')!;
    for (const path of [
      [early, authority.ca.issuing.certificate],
      [late, root.certificate],
    ]) {
      authority.sightings.note(path, now);
      await authority.sightings.flush();
    }
    const ends = new Map((await authority.rollover.status()).map(({ id, usage }) => [id, usage.lastNotAfter]));
    expect(ends.get('issuing')).toBe(early.notAfter.getTime());
    const rows = await temporary.store.database.selectFrom('unlisted_peer').select(['issuer', 'not_after']).execute();
    expect(new Map(rows.map((row) => [row.issuer, row.not_after]))).toEqual(
      new Map([
        ['issuing', early.notAfter.getTime()],
        ['root', late.notAfter.getTime()],
      ]),
    );
  });
});
