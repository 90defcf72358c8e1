import { sql } from 'kysely';
import type { CertificateRow } from './certificate.store.js';
import type { CertificateStatus, Database } from './schema.js';

/** Which certificates, all of it together. `spkiSha256`: of the SubjectPublicKeyInfo, lower-case hexadecimal. */
export interface Selection {
  readonly service?: string | undefined;
  readonly profile?: string | undefined;
  readonly issuer?: string | undefined;
  readonly spkiSha256?: string | undefined;
}

const COLUMNS = [
  'serial',
  'issuer',
  'profile',
  'service',
  'spki_sha256',
  'not_after',
  'crl_shard',
  'status',
  'revoked_at',
  'revocation_reason',
  'invalidity_date',
] as const;

/** What of a certificate decides whether and how it is revoked. */
export type WindowRow = Pick<CertificateRow, (typeof COLUMNS)[number]>;

/** Whether a certificate is among those that are meant. */
export const certificatesOf = (
  { service, profile, issuer, spkiSha256 }: Selection,
  row: Pick<WindowRow, 'service' | 'profile' | 'issuer' | 'spki_sha256'>,
): boolean =>
  (service === undefined || row.service === service) &&
  (profile === undefined || row.profile === profile) &&
  (issuer === undefined || row.issuer === issuer) &&
  (spkiSha256 === undefined || row.spki_sha256 === spkiSha256);

/** Whether there is a certificate among those that are meant, whatever became of it. */
export async function hasCertificate(database: Database, selection: Selection): Promise<boolean> {
  const { service, profile, issuer, spkiSha256 } = selection;
  let query = database.selectFrom('certificate').select('serial').limit(1);
  if (service !== undefined) query = query.where('service', '=', service);
  if (profile !== undefined) query = query.where('profile', '=', profile);
  if (issuer !== undefined) query = query.where('issuer', '=', issuer);
  if (spkiSha256 !== undefined) query = query.where('spki_sha256', '=', spkiSha256);
  return (await query.executeTakeFirst()) !== undefined;
}

interface WindowFilter {
  readonly status: CertificateStatus;
  readonly service?: string | undefined;
}

/**
 * Certificates of one status behind a place in the order of their ends, `limit` at most, so that each look is short; those of a service by its own index, of
 * what else is selected {@link certificatesOf} tells. Or those with the serial numbers, whatever their status.
 */
export function listCertificateWindow(
  database: Database,
  where:
    | { readonly serials: readonly string[] }
    | (WindowFilter & {
        readonly after: { readonly notAfter: number; readonly serial: string };
        readonly limit: number;
      }),
): Promise<WindowRow[]> {
  if ('serials' in where)
    return database.selectFrom('certificate').select(COLUMNS).where('serial', 'in', where.serials).execute();
  const { after, limit, ...which } = where;
  return windowOf(database, which)
    .select(COLUMNS)
    .where(sql<boolean>`(not_after, serial) > (${after.notAfter}, ${after.serial})`)
    .orderBy('not_after')
    .orderBy('serial')
    .limit(limit)
    .execute();
}

/** How many certificates the windows of one status have that end `since` then, in milliseconds since 1970, or later. */
export async function countCertificateWindows(
  database: Database,
  { since, ...which }: WindowFilter & { readonly since: number },
): Promise<number> {
  const { rows } = await windowOf(database, which)
    .where('not_after', '>=', since)
    .select((select) => select.fn.countAll().as('rows'))
    .executeTakeFirstOrThrow();
  return Number(rows);
}

function windowOf(database: Database, { status, service }: WindowFilter) {
  // Written out, not a parameter: only so are the partial indexes used.
  const query = database.selectFrom('certificate').where('status', '=', sql.lit(status));
  return service === undefined ? query : query.where('service', '=', service);
}
