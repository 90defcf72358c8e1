import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { describeOnEachStore, type StorePlace } from '../../test/support/postgres.js';
import { insertIssuer, lastChangeOfAuthorities, listAudit, openStore, type Store } from '../store/index.js';
import { AuditLog } from './audit-log.js';

describeOnEachStore('the audit record', (_, newPlace) => {
  let template: StorePlace;
  let place: StorePlace;
  let store: Store;
  let audit: AuditLog;
  const logOf = (opened: Store): AuditLog => new AuditLog(opened, () => new Date(1_700_000_000_000));

  beforeAll(async () => {
    template = await newPlace();
    const opened = await openStore(template.options);
    for (let i = 1; i <= 5; i++)
      await logOf(opened).append({
        action: 'certificate.issue',
        phase: i % 2 ? 'intent' : 'result',
        actor: 'test',
        requestId: 'r',
        subject: `s${i}`,
      });
    await opened.close();
  });
  afterAll(() => template.remove());
  beforeEach(async () => {
    place = await template.copy();
    store = await openStore(place.options);
    audit = logOf(store);
  });
  afterEach(async () => {
    await store.close();
    await place.remove();
  });

  /** Somebody with the database and SQL, and without regard for triggers. */
  const tamper = async (sql: string): Promise<void> => {
    await place.dropTrigger('audit_is_not_changed');
    await place.dropTrigger('audit_is_not_deleted');
    await place.execute(sql);
  };

  it('says which row about our CAs was the last, and the latest time of any, whatever else there is', async () => {
    expect(await lastChangeOfAuthorities(store.database)).toEqual({ sequence: 0, at: 0 });
    const append = (action: string, at: number) =>
      new AuditLog(store, () => new Date(at)).append({
        ...{ action, phase: 'result', actor: 'test', requestId: 'r', subject: 's' },
      });
    await append('ca.rollover.publish', 1_650_000_000_000);
    await append('issuer.adopt', 1_600_000_000_000);
    await append('certificate.issue', 1_750_000_000_000);
    expect(await lastChangeOfAuthorities(store.database)).toEqual({ sequence: 7, at: 1_650_000_000_000 });
    await append('restore', 1_640_000_000_000);
    expect(await lastChangeOfAuthorities(store.database)).toEqual({ sequence: 9, at: 1_650_000_000_000 });
  });

  it('links each row with the one before', async () => {
    const rows = await listAudit(store.database, 0, 10);
    expect(rows.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5]);
    expect(rows[0]?.previous_hash).toBe('0'.repeat(64));
    for (let i = 1; i < 5; i++) expect(rows[i]?.previous_hash).toBe(rows[i - 1]?.hash);
    expect(await audit.verify()).toEqual({ ok: true, rows: 5 });
  });

  it('is read in pages, the last row and all, and says how far it got', async () => {
    await store.transaction(async (transaction) => {
      for (let i = 6; i <= 2000; i++)
        await audit.append(
          { action: 'x', phase: 'intent', actor: 'test', requestId: 'r', subject: String(i) },
          transaction,
        );
    });
    const seen: number[][] = [];
    expect(await audit.verify({ onProgress: (rows, of) => seen.push([rows, of]) })).toEqual({ ok: true, rows: 2000 });
    expect(seen).toEqual([
      [1000, 2000],
      [2000, 2000],
      [2000, 2000],
    ]);
    const sequences: number[] = [];
    for await (const { rows, of } of audit.pages()) {
      expect([rows.length, of]).toEqual([1000, 2000]);
      sequences.push(...rows.map(({ sequence }) => sequence));
    }
    expect(sequences).toEqual(Array.from({ length: 2000 }, (_, i) => i + 1));
  });

  it('is sound when it is empty', async () => {
    const other = await newPlace();
    const empty = await openStore(other.options);
    expect(await new AuditLog(empty).verify()).toEqual({ ok: true, rows: 0 });
    await empty.close();
    await other.remove();
  });

  it('is missed when all of it is gone, its end too, and the CA is still there', async () => {
    const root = { id: 'root', role: 'root', parent: 'root', der: Uint8Array.of(0), created_at: 0 } as const;
    await store.transaction((transaction) => insertIssuer(transaction, root));
    await tamper('delete from audit; delete from audit_head');
    expect(await audit.verify()).toEqual({ ok: false, sequence: 1, problem: 'dropped' });
  });

  it.each(['update audit set actor = 0', 'delete from audit'])('does not let %s happen by mistake', async (sql) => {
    await expect(place.execute(sql)).rejects.toThrow('append-only');
  });

  it.each([
    ['a changed subject', `update audit set subject = 'x' where sequence = 3`, { sequence: 3, problem: 'changed' }],
    ['a changed time', `update audit set at = at + 1 where sequence = 1`, { sequence: 1, problem: 'changed' }],
    ['a changed actor', `update audit set actor = 'x' where sequence = 2`, { sequence: 2, problem: 'changed' }],
    ['a changed action', `update audit set action = 'x' where sequence = 4`, { sequence: 4, problem: 'changed' }],
    ['a changed phase', `update audit set phase = 'result' where sequence = 3`, { sequence: 3, problem: 'changed' }],
    ['a changed request', `update audit set request_id = 'x' where sequence = 5`, { sequence: 5, problem: 'changed' }],
    [
      'a changed detail',
      `update audit set detail = '{"a":"b"}' where sequence = 5`,
      { sequence: 5, problem: 'changed' },
    ],
    [
      'a changed hash',
      `update audit set hash = '${'a'.repeat(64)}' where sequence = 2`,
      { sequence: 2, problem: 'changed' },
    ],
    ['a row dropped within', 'delete from audit where sequence = 2', { sequence: 2, problem: 'dropped' }],
    ['the first row dropped', 'delete from audit where sequence = 1', { sequence: 1, problem: 'dropped' }],
    ['the last row dropped', 'delete from audit where sequence = 5', { sequence: 5, problem: 'dropped' }],
    ['all rows dropped', 'delete from audit', { sequence: 1, problem: 'dropped' }],
    [
      'two rows exchanged',
      'update audit set sequence = -sequence where sequence in (2, 3); update audit set sequence = 5 + sequence where sequence < 0',
      { sequence: 2, problem: 'reordered' },
    ],
    [
      'an end that is before the last row',
      'update audit_head set sequence = sequence - 1',
      { sequence: 5, problem: 'changed' },
    ],
    [
      'a row put before the first',
      'insert into audit select -7, at, action, phase, actor, request_id, subject, detail, previous_hash, hash from audit where sequence = 1',
      { sequence: -7, problem: 'reordered' },
    ],
    [
      'a row dropped and those after moved up',
      'delete from audit where sequence = 2; update audit set sequence = sequence - 1 where sequence > 2',
      { sequence: 2, problem: 'reordered' },
    ],
    ['the end moved back', `update audit_head set hash = '${'b'.repeat(64)}'`, { sequence: 5, problem: 'changed' }],
  ])('names the row of %s', async (_what, sql, found) => {
    await tamper(sql);
    expect(await audit.verify()).toEqual({ ok: false, ...found });
  });

  it('counts with the transaction it is written in', async () => {
    const entry = { action: 'crl.sign', phase: 'intent', actor: 'test', requestId: 'r', subject: 'issuing' } as const;
    await expect(
      store.transaction(async (transaction) => {
        await audit.append(entry, transaction);
        throw new Error('no');
      }),
    ).rejects.toThrow('no');
    expect(await audit.verify()).toEqual({ ok: true, rows: 5 });
    await store.transaction((transaction) => audit.append({ ...entry, detail: { b: '2', a: '1' } }, transaction));
    expect((await listAudit(store.database, 5, 1))[0]?.detail).toBe('{"a":"1","b":"2"}');
  });

  it('goes on where the record ends, not where a transaction that was undone left it', async () => {
    const entry = { action: 'x', phase: 'intent', actor: 'test', requestId: 'r' } as const;
    const undone = store.transaction(async (transaction) => {
      await audit.append({ ...entry, subject: 'undone' }, transaction);
      throw new Error('no');
    });
    await expect(undone).rejects.toThrow('no');
    await logOf(store).append({ ...entry, subject: 'of another' });
    await audit.append({ ...entry, subject: 'of this one' });
    expect(await audit.verify()).toEqual({ ok: true, rows: 7 });
  });

  it('stays one chain when several append at once, from two connections', async () => {
    const other = await openStore(place.options);
    const logs = [audit, new AuditLog(other)];
    await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        logs[i % 2]!.append({ action: 'x', phase: 'intent', actor: 'test', requestId: 'r', subject: String(i) }),
      ),
    );
    await other.close();
    expect(await audit.verify()).toEqual({ ok: true, rows: 25 });
  });
});
