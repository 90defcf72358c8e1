import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { describeOnEachStore, type StorePlace } from '../../test/support/postgres.js';
import { openStore } from './open-store.js';
import { findCertificate, issuanceStatements, reserveSerials, type CertificateRow } from './certificate.store.js';
import type { Transaction } from './schema.js';
import type { Store } from './store.js';
import { insertingRows, runTogether, type TogetherStatement } from './together.js';

const rowsOf = (serials: readonly string[]) => serials.map((serial) => ({ serial, reserved_at: 1 }));
const adding = (...serials: readonly string[]): TogetherStatement =>
  insertingRows('serial', ['serial', 'reserved_at'], rowsOf(serials), { unlessTaken: true });
const now = new Date(1);
const issuer = {
  id: 'root',
  role: 'root',
  parent: 'root',
  der: Uint8Array.of(1),
  created_at: 1,
  state: 'active',
  key_place: 'here',
} as const;
const certificate = {
  issuer: 'root',
  profile: 'service',
  not_before: 1,
  not_after: 2,
  spki_sha256: 'k',
  fingerprint: 'f',
  requester: 'r',
  request_id: 'i',
};
const columnsOf = ({ text, octets, number, nothing }: Row) => ({
  subject: text,
  der: octets,
  issued_at: number,
  service: nothing,
});
interface Row {
  readonly text: string;
  readonly octets: Uint8Array;
  readonly number: number;
  readonly nothing: string | null;
}
/** With octets in a form that compares, whichever class they have. */
const readable = (row: Partial<CertificateRow> | undefined): object => ({
  ...row,
  der: Buffer.from(row?.der ?? []).toString('hex'),
});
/** A row without what it must have. */
const refused: TogetherStatement = {
  sql: 'insert into revoked_serial (serial) values (?)',
  parameters: [['x']],
  rows: 1,
};
const add = async (transaction: Transaction, ...serials: readonly string[]): Promise<void> => {
  await reserveSerials(transaction, serials, new Date(1));
};

describeOnEachStore('statements that go together', (kind, newPlace) => {
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
  const serials = async () =>
    (await store.database.selectFrom('serial').select('serial').orderBy('serial').execute()).map((row) => row.serial);

  it('are done when each comes to its number of rows', async () => {
    const done = await store.transaction((transaction) =>
      runTogether(transaction, [adding('a', 'b'), adding(), adding('c')]),
    );
    expect([done, await serials()]).toEqual([true, ['a', 'b', 'c']]);
  });

  it('are none of them done when one does not, and the work goes on', async () => {
    await store.transaction(async (transaction) => {
      await add(transaction, 'a');
      expect(await runTogether(transaction, [adding('b'), adding('a', 'c')])).toBe(false);
      await add(transaction, 'd');
    });
    expect(await serials()).toEqual(['a', 'd']);
  });

  it('are none of them done when one is refused, and the work may go on', async () => {
    await store.transaction(async (transaction) => {
      const running = runTogether(transaction, [adding('b'), refused]);
      await expect(running).rejects.toThrow(/not[ -]null/i);
      await add(transaction, 'd');
    });
    expect(await serials()).toEqual(['d']);
  });

  it('are undone with their work', async () => {
    const failed = store.transaction(async (transaction) => {
      await runTogether(transaction, [adding('a')]);
      throw new Error('no');
    });
    await expect(failed).rejects.toThrow('no');
    expect(await serials()).toEqual([]);
  });

  describe('and are all of a work', () => {
    /** Adds serial numbers, with one more by the longer way, and says which way it went. */
    const working = (statements: readonly TogetherStatement[]): Promise<string> =>
      store.transaction(
        async (transaction) => {
          await add(transaction, 'longer');
          return 'longer';
        },
        () => ({ statements, written: () => 'together' }),
      );

    it('are durable when it is told so', async () => {
      expect(await working([adding('a', 'b'), adding('c')])).toBe('together');
      expect(await serials()).toEqual(['a', 'b', 'c']);
    });

    it('give way to the longer one when one does not come to its number of rows, or none is known', async () => {
      await store.transaction((transaction) => add(transaction, 'a'));
      expect(await working([adding('b'), adding('a', 'c')])).toBe('longer');
      const unknown = store.transaction(
        () => Promise.resolve('longer'),
        () => undefined,
      );
      expect(await unknown).toBe('longer');
      expect(await serials()).toEqual(['a', 'longer']);
    });

    it('ask for several values, and change what is there', async () => {
      const asking = (rows: number, ...values: readonly string[]): TogetherStatement => ({
        sql: 'select 1 from serial where serial = ? and reserved_at = 1',
        parameters: values.map((value) => [value]),
        rows,
      });
      const moving = (from: number, to: number): TogetherStatement => ({
        sql: 'update serial set reserved_at = ? where serial = ? and reserved_at = ?',
        parameters: [[to, 'a', from]],
        rows: 1,
      });
      expect(await working([adding('a', 'b'), asking(2, 'a', 'b', 'c'), asking(1, 'b'), moving(1, 2)])).toBe(
        'together',
      );
      expect(await working([asking(2, 'a', 'b')])).toBe('longer');
      expect(await working([asking(1, 'a', 'b'), moving(2, 1)])).toBe('together');
      expect(await working([moving(2, 3)])).toBe('longer');
    });

    it('keep texts, octets, numbers and nothing as they are', async () => {
      const text = fc.string({ unit: 'binary' }).map((any) => any.replaceAll('\0', ''));
      const octets = fc.uint8Array({ maxLength: 300 });
      const number = fc.maxSafeInteger();
      const rows = fc.array(fc.record({ text, octets, number, nothing: fc.option(text) }), {
        maxLength: 40,
        size: 'max',
      });
      await fc.assert(
        fc.asyncProperty(rows, async (given) => {
          await place.execute('delete from certificate', 'delete from serial', 'delete from issuer');
          const certificates = given.map((row, i) => ({ ...certificate, ...columnsOf(row), serial: `s${i}` }));
          const statements = [
            insertingRows('issuer', ['id', 'role', 'parent', 'der', 'created_at', 'state', 'key_place'], [issuer]),
            adding(...certificates.map(({ serial }) => serial)),
            ...issuanceStatements({ issuers: ['root'], keys: ['k', 'l'], serials: [], rows: certificates, now }),
          ];
          expect(await working(statements)).toBe('together');
          for (const { serial, subject, der, issued_at, service } of certificates)
            expect(readable(await findCertificate(store.database, serial))).toMatchObject(
              readable({ subject, der, issued_at, service }),
            );
        }),
        // Few of many rows: what takes time is to begin anew.
        { numRuns: 3 },
      );
      await working([adding('half \ud800')]);
      expect(await serials()).toContain('half \ufffd');
    });

    it('are none of them there when one is refused, or the commit itself, and the next work goes on', async () => {
      await expect(working([adding('a'), refused])).rejects.toThrow(/not[ -]null/i);
      if (kind === 'SQLite') {
        const orphan = { sql: 'insert into crl_floor values (?, 1)', parameters: [['nobody']], rows: 1 };
        const deferred = { sql: 'pragma defer_foreign_keys = on', parameters: [[]], rows: 0 };
        await expect(working([deferred, adding('a'), orphan])).rejects.toThrow(/FOREIGN KEY/);
      }
      expect(await working([adding('b')])).toBe('together');
      expect(await serials()).toEqual(['b']);
    });

    it('wait for a transaction of another connection, and no longer than they are told to', async () => {
      const other = await openStore({ ...place.options, busyTimeout: 50 });
      const waiting = await other.transaction(async (transaction) => {
        await add(transaction, 'first');
        // Not waited for here: it comes after this one.
        return { pending: working([adding('second')]) };
      });
      await waiting.pending;
      expect(await serials()).toEqual(['first', 'second']);
      await store.transaction(async () => {
        const late = other.transaction(
          () => Promise.resolve(),
          () => ({ statements: [adding('third')], written: () => undefined }),
        );
        await expect(late).rejects.toMatchObject({ code: 'store_unavailable' });
      });
      await other.close();
    });

    it('share a commit with others that wait, by the longer way', async () => {
      const first = store.transaction((transaction) => add(transaction, 'a'));
      const others = [working([adding('b')]), store.transaction((transaction) => add(transaction, 'c'))];
      await Promise.all([first, ...others]);
      expect(await serials()).toEqual(['a', 'c', 'longer']);
    });
  });
});
