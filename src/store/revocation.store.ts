import { sql } from 'kysely';
import type { CertificateRow } from './certificate.store.js';
import type { Database, Transaction } from './schema.js';

/** What a reader of revocations needs to answer for a serial number. */
export interface RevocationRow {
  readonly serial: string;
  readonly issuer: string;
  readonly revokedAt: number;
  /** A CRLReason's name. */
  readonly reason: string;
  readonly sequence: number;
}

/** A hold that was lifted. */
export interface ReleaseRow {
  readonly serial: string;
  readonly issuer: string;
  readonly releasedAt: number;
  readonly sequence: number;
  /** It was revoked again since. */
  readonly isRevoked: boolean;
}

/** Revocations of one page, each as `serial revokedAt reason[ invalidityDate]` and a comma between: a row costs an object, a million rows a second. */
export interface RevocationPage {
  readonly text: string;
  readonly entries: number;
  /** The highest place among them. */
  readonly last: number;
}

/** Which part of the revocations of an issuer. */
export interface RevocationPart {
  readonly issuer: string;
  /** One shard only. */
  readonly shard?: number;
  readonly after: number;
  /** The last place that counts. */
  readonly until?: number;
  /** Only certificates that are valid until then or longer. */
  readonly validUntil?: Date | undefined;
  readonly limit: number;
}

/** How a certificate is revoked. Times in milliseconds. */
export interface RevocationMark {
  readonly serial: string;
  readonly reason: string;
  readonly revokedAt: Date;
  readonly invalidityDate?: Date | undefined;
  /** For who revokes many: the place, one above the last; looked up when absent. */
  readonly sequence?: number;
}

/** Revokes an active certificate, or one on hold for good, and gives its place in the order of revocations. */
export async function markRevoked(
  transaction: Transaction,
  { serial, reason, revokedAt, invalidityDate, ...mark }: RevocationMark,
): Promise<number> {
  const sequence = mark.sequence ?? (await lastRevocationSequence(transaction)) + 1;
  await transaction
    .updateTable('certificate')
    .set({
      status: 'revoked',
      revoked_at: revokedAt.getTime(),
      revocation_reason: reason,
      revocation_sequence: sequence,
      invalidity_date: invalidityDate?.getTime() ?? null,
    })
    .where('serial', '=', serial)
    .execute();
  return sequence;
}

/** Lifts the hold of a certificate, and gives the place of that in the order of revocations. `sequence` as in {@link RevocationMark}. */
export async function markReleased(
  transaction: Transaction,
  {
    certificate,
    releasedAt,
    ...mark
  }: {
    readonly certificate: Pick<CertificateRow, 'serial' | 'issuer' | 'crl_shard' | 'not_after'>;
    readonly releasedAt: Date;
    readonly sequence?: number;
  },
): Promise<number> {
  const { serial, issuer, crl_shard, not_after } = certificate;
  const sequence = mark.sequence ?? (await lastRevocationSequence(transaction)) + 1;
  await transaction
    .updateTable('certificate')
    .set({
      status: 'active',
      revoked_at: null,
      revocation_reason: null,
      revocation_sequence: null,
      invalidity_date: null,
    })
    .where('serial', '=', serial)
    .execute();
  const released_at = releasedAt.getTime();
  await transaction
    .insertInto('release')
    .values({ serial, issuer, crl_shard, released_at, not_after, sequence })
    .onConflict((conflict) => conflict.column('serial').doUpdateSet({ released_at, sequence }))
    .execute();
  return sequence;
}

/** The highest place in the order of revocations and releases, of one issuer, one of its shards, or of all; 0 when there is none. */
export async function lastRevocationSequence(database: Database, issuer?: string, shard?: number): Promise<number> {
  let revoked = database.selectFrom('certificate').select((select) => select.fn.max('revocation_sequence').as('last'));
  let released = database.selectFrom('release').select((select) => select.fn.max('sequence').as('last'));
  if (issuer !== undefined) {
    revoked = revoked.where('issuer', '=', issuer).where('status', '=', sql.lit('revoked'));
    released = released.where('issuer', '=', issuer);
  }
  if (shard !== undefined) {
    revoked = revoked.where('crl_shard', '=', shard);
    released = released.where('crl_shard', '=', shard);
  }
  const [a, b] = [await revoked.executeTakeFirst(), await released.executeTakeFirst()];
  return Math.max(a?.last ?? 0, b?.last ?? 0);
}

/** Revocations after a place in their order, oldest first, `limit` at most. */
export async function listRevocations(
  database: Database,
  { after = 0, limit = 1000 }: { readonly after?: number; readonly limit?: number } = {},
): Promise<RevocationRow[]> {
  const rows = await database
    .selectFrom('certificate')
    .select(['serial', 'issuer', 'revoked_at', 'revocation_reason', 'revocation_sequence'])
    .where('revocation_sequence', '>', after)
    .orderBy('revocation_sequence')
    .limit(limit)
    .execute();
  return rows.map((row) => ({
    serial: row.serial,
    issuer: row.issuer,
    revokedAt: row.revoked_at ?? 0,
    reason: row.revocation_reason ?? 'unspecified',
    sequence: row.revocation_sequence ?? 0,
  }));
}

/** Releases after a place in the order, oldest first, `limit` at most; of one issuer where it is named. */
export async function listReleases(
  database: Database,
  {
    after = 0,
    issuer,
    limit = 1000,
  }: { readonly after?: number; readonly issuer?: string; readonly limit?: number } = {},
): Promise<ReleaseRow[]> {
  let query = database
    .selectFrom('release')
    .innerJoin('certificate', 'certificate.serial', 'release.serial')
    .select(['release.serial', 'release.issuer', 'released_at', 'sequence', 'certificate.status'])
    .where('sequence', '>', after)
    .orderBy('sequence')
    .limit(limit);
  if (issuer !== undefined) query = query.where('release.issuer', '=', issuer);
  const rows = await query.execute();
  return rows.map((row) => ({
    serial: row.serial,
    issuer: row.issuer,
    releasedAt: row.released_at,
    sequence: row.sequence,
    isRevoked: row.status === 'revoked',
  }));
}

/** The shards in which an issuer has revocations, in order. */
export async function* revokedShards(database: Database, issuer: string): AsyncGenerator<number> {
  for (let after = -1; ;) {
    const row = await database
      .selectFrom('certificate')
      .select((select) => select.fn.min('crl_shard').as('shard'))
      .where('issuer', '=', issuer)
      .where('status', '=', sql.lit('revoked'))
      .where('crl_shard', '>', after)
      .executeTakeFirst();
    if (typeof row?.shard !== 'number') return;
    yield row.shard;
    after = row.shard;
  }
}

/** One page of what a list is made of, in the order of revocations. */
export async function readRevocationPage(
  database: Database,
  { issuer, shard, after, until, validUntil, limit }: RevocationPart,
): Promise<RevocationPage> {
  let page = database
    .selectFrom('certificate')
    .select(['serial', 'revoked_at', 'revocation_reason', 'invalidity_date', 'revocation_sequence'])
    .where('issuer', '=', issuer)
    .where('status', '=', sql.lit('revoked'))
    .where('revocation_sequence', '>', after)
    .orderBy('revocation_sequence')
    .limit(limit);
  if (until !== undefined) page = page.where('revocation_sequence', '<=', until);
  if (shard !== undefined) page = page.where('crl_shard', '=', shard);
  if (validUntil !== undefined) page = page.where('not_after', '>=', validUntil.getTime());
  const row = await database
    .selectFrom(page.as('page'))
    .select([
      sql<
        string | null
      >`string_agg(serial || ' ' || revoked_at || ' ' || revocation_reason || coalesce(' ' || invalidity_date, ''), ',')`.as(
        'text',
      ),
      sql<number>`count(*)`.as('entries'),
      sql<number | null>`max(revocation_sequence)`.as('last'),
    ])
    .executeTakeFirst();
  return { text: row?.text ?? '', entries: row?.entries ?? 0, last: row?.last ?? after };
}
