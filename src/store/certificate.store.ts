import { sql, type Selectable } from 'kysely';
import type { CertificateTable, Database } from './schema.js';
import { insertingRows, type TogetherStatement } from './together.js';

/** One certificate's row: times in milliseconds, serial number and digests in lower-case hexadecimal. */
export type CertificateRow = Omit<Readonly<Selectable<CertificateTable>>, 'crl_entry'>;

/** A certificate's row before anything can have become of it. Without `crl_shard`: in the complete list alone. */
export type NewCertificateRow = Omit<
  CertificateRow,
  'status' | 'revoked_at' | 'revocation_reason' | 'revocation_sequence' | 'invalidity_date' | 'crl_shard' | 'lifetime'
> &
  Partial<Pick<CertificateRow, 'crl_shard' | 'lifetime'>>;

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
  'lifetime',
] as const;

/** Takes serial numbers for ever. Gives those of them that had not been taken before. */
export async function reserveSerials(
  database: Database,
  serials: readonly string[],
  now: Date,
): Promise<ReadonlySet<string>> {
  const rows = await database
    .insertInto('serial')
    .values(serials.map((serial) => ({ serial, reserved_at: now.getTime() })))
    .onConflict((conflict) => conflict.doNothing())
    .returning('serial')
    .execute();
  return new Set(rows.map(({ serial }) => serial));
}

/** Takes a serial number for ever. False when it was taken before. */
export async function reserveSerial(database: Database, serial: string, now: Date): Promise<boolean> {
  return (await reserveSerials(database, [serial], now)).has(serial);
}

/** Adds certificates whose serial numbers were reserved. */
export async function insertCertificates(database: Database, rows: readonly NewCertificateRow[]): Promise<void> {
  await database.insertInto('certificate').values(rows.map(asGood)).execute();
}

const asGood = (row: NewCertificateRow): CertificateRow => ({
  crl_shard: 0,
  lifetime: null,
  ...row,
  status: 'active',
  revoked_at: null,
  revocation_reason: null,
  revocation_sequence: null,
  invalidity_date: null,
});

/**
 * What is done for certificates, together with other statements, when the CAs that have to be are active, none of their keys is compromised and no new
 * serial number was taken before.
 */
export const issuanceStatements = ({
  issuers,
  keys,
  serials,
  rows,
  now,
}: {
  /** Those that have to be active, each once. */
  readonly issuers: readonly string[];
  /** As {@link compromisedKeys} takes them. */
  readonly keys: readonly string[];
  readonly serials: readonly string[];
  readonly rows: readonly NewCertificateRow[];
  readonly now: Date;
}): TogetherStatement[] => {
  const reserved = serials.map((serial) => ({ serial, reserved_at: now.getTime() }));
  return [
    { sql: ACTIVE, parameters: issuers.map((issuer) => [issuer]), rows: issuers.length },
    { sql: COMPROMISED, parameters: [...new Set(keys)].map((key) => [key]), rows: 0 },
    insertingRows('serial', ['serial', 'reserved_at'], reserved, { unlessTaken: true }),
    insertingRows('certificate', CERTIFICATE_COLUMNS, rows.map(asGood)),
  ];
};

// As activeIssuers and compromisedKeys ask, for one.
const ACTIVE = `select 1 from issuer where id = ? and state = 'active'`;
const COMPROMISED = `select 1 from certificate where spki_sha256 = ? and revocation_reason = 'keyCompromise'`;

/** Adds a certificate whose serial number was reserved. */
export async function insertCertificate(database: Database, row: NewCertificateRow): Promise<void> {
  await insertCertificates(database, [row]);
}

/** The certificate of a serial number (lower-case hexadecimal); undefined when none of our CAs issued it. */
export function findCertificate(database: Database, serial: string): Promise<CertificateRow | undefined> {
  return database.selectFrom('certificate').select(CERTIFICATE_COLUMNS).where('serial', '=', serial).executeTakeFirst();
}

/** Who issued the certificate of a serial number, and when it ends, in milliseconds; undefined when nobody did. */
export function findIssued(
  database: Database,
  serial: string,
): Promise<Pick<CertificateRow, 'issuer' | 'not_after'> | undefined> {
  return database
    .selectFrom('certificate')
    .select(['issuer', 'not_after'])
    .where('serial', '=', serial)
    .executeTakeFirst();
}

/** Those of some keys, by the SHA-256 of their SubjectPublicKeyInfo, of which a certificate was revoked because the key was compromised. */
export async function compromisedKeys(
  database: Database,
  spkiSha256s: readonly string[],
): Promise<ReadonlySet<string>> {
  const rows = await database
    .selectFrom('certificate')
    .select('spki_sha256')
    .where('spki_sha256', 'in', spkiSha256s)
    // Written out, not a parameter: only so is the partial index used.
    .where('revocation_reason', '=', sql.lit('keyCompromise'))
    .execute();
  return new Set(rows.map(({ spki_sha256: key }) => key));
}
