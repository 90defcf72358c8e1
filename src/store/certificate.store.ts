import { sql, type Selectable } from 'kysely';
import type { CertificateTable, Database } from './schema.js';

/** One certificate's row: times in milliseconds, serial number and digests in lower-case hexadecimal. */
export type CertificateRow = Readonly<Selectable<CertificateTable>>;

/** A certificate's row before anything can have become of it. Without `crl_shard`: in the complete list alone. */
export type NewCertificateRow = Omit<
  CertificateRow,
  'status' | 'revoked_at' | 'revocation_reason' | 'revocation_sequence' | 'invalidity_date' | 'crl_shard'
> &
  Partial<Pick<CertificateRow, 'crl_shard'>>;

/** Every column. */
export const CERTIFICATE_COLUMNS = [
  'serial',
  'issuer',
  'profile',
  'service',
  'subject',
  'not_before',
  'not_after',
  'spki_sha256',
  'fingerprint',
  'der',
  'requester',
  'request_id',
  'issued_at',
  'status',
  'revoked_at',
  'revocation_reason',
  'revocation_sequence',
  'invalidity_date',
  'crl_shard',
] as const;

/** Takes a serial number for ever. False when it was taken before. */
export async function reserveSerial(database: Database, serial: string, now: Date): Promise<boolean> {
  const result = await database
    .insertInto('serial')
    .values({ serial, reserved_at: now.getTime() })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  return result.numInsertedOrUpdatedRows === 1n;
}

/** Adds a certificate whose serial number was reserved. */
export async function insertCertificate(database: Database, row: NewCertificateRow): Promise<void> {
  await database
    .insertInto('certificate')
    .values({
      crl_shard: 0,
      ...row,
      status: 'active',
      revoked_at: null,
      revocation_reason: null,
      revocation_sequence: null,
      invalidity_date: null,
    })
    .execute();
}

export function findCertificate(database: Database, serial: string): Promise<CertificateRow | undefined> {
  return database.selectFrom('certificate').select(CERTIFICATE_COLUMNS).where('serial', '=', serial).executeTakeFirst();
}

/** Whether a certificate of this key was revoked because the key was compromised. */
export async function isCompromisedKey(database: Database, spkiSha256: string): Promise<boolean> {
  const row = await database
    .selectFrom('certificate')
    .select('serial')
    .where('spki_sha256', '=', spkiSha256)
    // Written out, not a parameter: only so is the partial index used.
    .where('revocation_reason', '=', sql.lit('keyCompromise'))
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}
