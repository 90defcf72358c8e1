import { sql, type Selectable } from 'kysely';
import type { CertificateStatus, CertificateTable, Database } from './schema.js';

/** One certificate's row: times in milliseconds, serial number and digests in lower-case hexadecimal. */
export type CertificateRow = Readonly<Selectable<CertificateTable>>;

/** What to list. `expired` is active and past not-after; `active` is not. */
export interface CertificateFilter {
  readonly status?: CertificateStatus | 'expired' | undefined;
  readonly service?: string | undefined;
  readonly expiresBefore?: Date | undefined;
  /** The clock that tells `active` from `expired`. */
  readonly now?: Date;
  /** `next` of the page before. */
  readonly cursor?: string | undefined;
  /** 1–1000; 100 when absent. */
  readonly limit?: number | undefined;
}

/** A page, newest first, and where the next one begins; `next` is undefined on the last. */
export interface CertificatePage {
  readonly rows: readonly CertificateRow[];
  readonly next: string | undefined;
}

/** `cursor` was not made by {@link listCertificates}. */
export class CursorError extends Error {
  override readonly name = 'CursorError';
  readonly code = 'cursor_malformed';
}

const COLUMNS = [
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
] as const;
const MAX_LIMIT = 1000;

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
export async function insertCertificate(
  database: Database,
  row: Omit<CertificateRow, 'status' | 'revoked_at' | 'revocation_reason' | 'revocation_sequence'>,
): Promise<void> {
  await database
    .insertInto('certificate')
    .values({ ...row, status: 'active', revoked_at: null, revocation_reason: null, revocation_sequence: null })
    .execute();
}

export function findCertificate(database: Database, serial: string): Promise<CertificateRow | undefined> {
  return database.selectFrom('certificate').select(COLUMNS).where('serial', '=', serial).executeTakeFirst();
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

/** A page of certificates. Throws {@link CursorError}, and RangeError when `limit` is not a whole number from 1 to 1000. */
export async function listCertificates(database: Database, filter: CertificateFilter = {}): Promise<CertificatePage> {
  const { status, service, expiresBefore, now = new Date(), cursor, limit = 100 } = filter;
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT)
    throw new RangeError(`limit is a whole number from 1 to ${MAX_LIMIT}`);
  let query = database
    .selectFrom('certificate')
    .select(COLUMNS)
    .orderBy('issued_at', 'desc')
    .orderBy('serial', 'desc')
    .limit(limit + 1);
  if (status !== undefined) query = query.where('status', '=', status === 'revoked' ? 'revoked' : 'active');
  if (status === 'active') query = query.where('not_after', '>=', now.getTime());
  if (status === 'expired') query = query.where('not_after', '<', now.getTime());
  if (service !== undefined) query = query.where('service', '=', service);
  if (expiresBefore !== undefined) query = query.where('not_after', '<', expiresBefore.getTime());
  if (cursor !== undefined) {
    const { issuedAt, serial } = decodeCursor(cursor);
    query = query.where((where) =>
      where.or([
        where('issued_at', '<', issuedAt),
        where.and([where('issued_at', '=', issuedAt), where('serial', '<', serial)]),
      ]),
    );
  }
  const rows = await query.execute();
  const page = rows.slice(0, limit);
  const last = rows.length > limit ? page.at(-1) : undefined;
  return { rows: page, next: last && encodeCursor(last) };
}

function encodeCursor({ issued_at: issuedAt, serial }: CertificateRow): string {
  return Buffer.from(`${issuedAt}:${serial}`).toString('base64url');
}

function decodeCursor(cursor: string): { issuedAt: number; serial: string } {
  const [, issuedAt, serial] = /^(\d{1,15}):([0-9a-f]{1,40})$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  if (cursor.length > 100 || issuedAt === undefined || serial === undefined)
    throw new CursorError('the cursor was not made here');
  return { issuedAt: Number(issuedAt), serial };
}
