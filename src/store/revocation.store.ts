import { sql } from 'kysely';
import type { CertificateStatus, Database, Transaction } from './schema.js';

/** What a reader of revocations needs: enough to answer for a serial number and to write a CRL entry. */
export interface RevocationRow {
  readonly serial: string;
  readonly issuer: string;
  readonly notAfter: number;
  readonly revokedAt: number;
  /** A CRLReason's name. */
  readonly reason: string;
  readonly sequence: number;
}

/** Revokes an active certificate and gives its place in the order of revocations. */
export async function markRevoked(
  transaction: Transaction,
  { serial, reason, revokedAt }: { readonly serial: string; readonly reason: string; readonly revokedAt: Date },
): Promise<number> {
  const sequence = (await lastRevocationSequence(transaction)) + 1;
  await transaction
    .updateTable('certificate')
    .set({
      status: 'revoked',
      revoked_at: revokedAt.getTime(),
      revocation_reason: reason,
      revocation_sequence: sequence,
    })
    .where('serial', '=', serial)
    .where('status', '=', 'active')
    .execute();
  return sequence;
}

/**
 * Revokes a serial number of whose certificate nothing is known but its issuer: it is taken for ever, and its revocation stands as any other.
 * `notAfter`: no certificate of that issuer is valid longer.
 */
export async function insertRevokedSerial(
  transaction: Transaction,
  { serial, issuer, notAfter, reason, revokedAt }: Omit<RevocationRow, 'sequence'>,
): Promise<void> {
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
    })
    .execute();
}

/** What is known of each of the serial numbers; those of which nothing is are left out. */
export async function serialStatuses(
  database: Database,
  serials: readonly string[],
): Promise<ReadonlyMap<string, CertificateStatus>> {
  const certificates = await database
    .selectFrom('certificate')
    .select(['serial', 'status'])
    .where('serial', 'in', serials)
    .execute();
  const revoked = await database.selectFrom('revoked_serial').select('serial').where('serial', 'in', serials).execute();
  return new Map([
    ...certificates.map(({ serial, status }) => [serial, status] as const),
    ...revoked.map(({ serial }) => [serial, 'revoked'] as const),
  ]);
}

/** The highest place in the order of revocations, of one issuer or of all; 0 when there is none. */
export async function lastRevocationSequence(database: Database, issuer?: string): Promise<number> {
  let certificates = database
    .selectFrom('certificate')
    .select((select) => select.fn.max('revocation_sequence').as('last'));
  let serials = database
    .selectFrom('revoked_serial')
    .select((select) => select.fn.max('revocation_sequence').as('last'));
  if (issuer !== undefined) {
    certificates = certificates.where('issuer', '=', issuer).where('status', '=', sql.lit('revoked'));
    serials = serials.where('issuer', '=', issuer);
  }
  const last = [await certificates.executeTakeFirst(), await serials.executeTakeFirst()];
  return Math.max(...last.map((row) => row?.last ?? 0));
}

/** Revocations after a place in their order, oldest first, of certificates that are valid until `validUntil` or longer. */
export async function listRevocations(
  database: Database,
  {
    after = 0,
    issuer,
    validUntil,
  }: { readonly after?: number; readonly issuer?: string; readonly validUntil?: Date | undefined } = {},
): Promise<RevocationRow[]> {
  const rows: RevocationRow[] = [];
  // The second is empty unless the store was restored, and nobody adds to it while a service runs on it.
  for (const table of ['certificate', 'revoked_serial'] as const) {
    let query = database
      .selectFrom(table)
      .select(['serial', 'issuer', 'not_after', 'revoked_at', 'revocation_reason', 'revocation_sequence'])
      .where('revocation_sequence', '>', after)
      .orderBy('revocation_sequence');
    if (issuer !== undefined) query = query.where('issuer', '=', issuer);
    if (validUntil !== undefined) query = query.where('not_after', '>=', validUntil.getTime());
    for (const row of await query.execute())
      rows.push({
        serial: row.serial,
        issuer: row.issuer,
        notAfter: row.not_after,
        revokedAt: row.revoked_at ?? 0,
        reason: row.revocation_reason ?? 'unspecified',
        sequence: row.revocation_sequence ?? 0,
      });
  }
  return rows.sort((a, b) => a.sequence - b.sequence);
}
