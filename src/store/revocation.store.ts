import { sql } from 'kysely';
import type { CertificateRow } from './certificate.store.js';
import { encodeCrlEntry } from './crl-entry.js';
import type { CertificateStatus, Database, Transaction } from './schema.js';

/** A hold that was lifted. */
export interface ReleaseRow {
  readonly serial: string;
  readonly issuer: string;
  readonly releasedAt: number;
  readonly sequence: number;
  /** It was revoked again since. */
  readonly isRevoked: boolean;
}

/** How a certificate is revoked. Times in milliseconds. */
export interface RevocationMark {
  readonly serial: string;
  readonly reason: string;
  readonly revokedAt: Date;
  readonly invalidityDate?: Date | undefined;
  /** The place, one above the last, when the caller revokes many and knows it; looked up when absent. */
  readonly sequence?: number;
}

/**
 * Revokes an active certificate, one on hold for good, or another one for a compromise, with the date that it has then; gives its place in the order of
 * revocations. Throws RangeError for an unknown reason.
 */
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
      crl_entry: encodeCrlEntry({ serial, reason, revokedAt, invalidityDate }),
    })
    .where('serial', '=', serial)
    .execute();
  return sequence;
}

/**
 * Revokes a serial number when nothing is known of its certificate but the issuer: the number is taken for ever, and its revocation counts like any other.
 * `notAfter`: no certificate of that issuer is valid longer.
 */
export async function insertRevokedSerial(
  transaction: Transaction,
  {
    issuer,
    notAfter,
    ...mark
  }: Omit<RevocationMark, 'sequence'> & {
    readonly issuer: string;
    /** In milliseconds. */
    readonly notAfter: number;
  },
): Promise<void> {
  const { serial, reason } = mark;
  const revokedAt = mark.revokedAt.getTime();
  await transaction
    .insertInto('serial')
    .values({ serial, reserved_at: revokedAt })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  await transaction
    .insertInto('revoked_serial')
    .values({
      serial,
      issuer,
      not_after: notAfter,
      revoked_at: revokedAt,
      revocation_reason: reason,
      revocation_sequence: (await lastRevocationSequence(transaction)) + 1,
      crl_entry: encodeCrlEntry(mark),
    })
    .execute();
}

/** What is known of each of the serial numbers, and why those that are revoked are; those of which nothing is known are left out. */
export async function serialStatuses(
  database: Database,
  serials: readonly string[],
): Promise<ReadonlyMap<string, { readonly status: CertificateStatus; readonly reason: string | null }>> {
  const certificates = await database
    .selectFrom('certificate')
    .select(['serial', 'status', 'revocation_reason as reason'])
    .where('serial', 'in', serials)
    .execute();
  const revoked = await database
    .selectFrom('revoked_serial')
    .select(['serial', 'revocation_reason as reason'])
    .where('serial', 'in', serials)
    .execute();
  return new Map([
    ...certificates.map(({ serial, status, reason }) => [serial, { status, reason }] as const),
    ...revoked.map(({ serial, reason }) => [serial, { status: 'revoked', reason }] as const),
  ]);
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
      crl_entry: null,
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
  let serials = database
    .selectFrom('revoked_serial')
    .select((select) => select.fn.max('revocation_sequence').as('last'));
  if (issuer !== undefined) {
    revoked = revoked.where('issuer', '=', issuer).where('status', '=', sql.lit('revoked'));
    released = released.where('issuer', '=', issuer);
    serials = serials.where('issuer', '=', issuer);
  }
  if (shard !== undefined) {
    revoked = revoked.where('crl_shard', '=', shard);
    released = released.where('crl_shard', '=', shard);
  }
  const last = [await revoked.executeTakeFirst(), await released.executeTakeFirst(), await serials.executeTakeFirst()];
  return Math.max(...last.map((row) => row?.last ?? 0));
}

/** Releases after a place in the order, oldest first, `limit` at most; of one issuer where it is named. */
export async function listReleases(
  database: Database,
  { after, issuer, limit }: { readonly after: number; readonly issuer?: string; readonly limit: number },
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
