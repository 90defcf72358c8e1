import { sql } from 'kysely';
import type { Database, Transaction } from './schema.js';

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

/** The highest place in the order of revocations, of one issuer or of all; 0 when there is none. */
export async function lastRevocationSequence(database: Database, issuer?: string): Promise<number> {
  let query = database.selectFrom('certificate').select((select) => select.fn.max('revocation_sequence').as('last'));
  if (issuer !== undefined) query = query.where('issuer', '=', issuer).where('status', '=', sql.lit('revoked'));
  return (await query.executeTakeFirst())?.last ?? 0;
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
  let query = database
    .selectFrom('certificate')
    .select(['serial', 'issuer', 'not_after', 'revoked_at', 'revocation_reason', 'revocation_sequence'])
    .where('revocation_sequence', '>', after)
    .orderBy('revocation_sequence');
  if (issuer !== undefined) query = query.where('issuer', '=', issuer);
  if (validUntil !== undefined) query = query.where('not_after', '>=', validUntil.getTime());
  const rows = await query.execute();
  return rows.map((row) => ({
    serial: row.serial,
    issuer: row.issuer,
    notAfter: row.not_after,
    revokedAt: row.revoked_at ?? 0,
    reason: row.revocation_reason ?? 'unspecified',
    sequence: row.revocation_sequence ?? 0,
  }));
}
