import { sql, type Selectable } from 'kysely';
import type { Database, IssuerState, IssuerTable } from './schema.js';

/** One issuer's row: its certificate, and nothing about its key but whether it is here. */
export type IssuerRow = Readonly<Selectable<IssuerTable>>;

/** A cross-certificate: name and key of the root `issuer`, signed by the root `signer`. `not_after` in milliseconds. */
export interface CrossCertificateRow {
  readonly serial: string;
  readonly issuer: string;
  readonly signer: string;
  readonly der: Uint8Array;
  readonly not_after: number;
  readonly status: 'active' | 'revoked';
}

/** How many certificates of an issuer are neither expired nor revoked, and when the last of them expires, in milliseconds. */
export interface IssuerUsage {
  readonly valid: number;
  readonly lastNotAfter: number | undefined;
}

/** A service with a certificate of an issuer, and when the last one of its ends, in milliseconds. */
export interface ServiceOfIssuer {
  readonly service: string;
  readonly lastNotAfter: number;
}

/** What tells issuers apart. */
type IssuerName = Pick<IssuerRow, 'id' | 'role'>;

const COLUMNS = ['id', 'role', 'parent', 'der', 'created_at', 'state', 'key_place'] as const;

/** Adds an issuer: `prepared`, its key here, when nothing else is said. It was made after those that are there, also where a clock says otherwise. */
export async function insertIssuer(
  database: Database,
  row: Omit<IssuerRow, 'state' | 'key_place'> & Partial<Pick<IssuerRow, 'state' | 'key_place'>>,
): Promise<void> {
  const before = await database
    .selectFrom('issuer')
    .select((select) => select.fn.max('created_at').as('last'))
    .executeTakeFirst();
  const created_at = Math.max(row.created_at, (before?.last ?? 0) + 1);
  await database
    .insertInto('issuer')
    .values({ state: 'prepared', key_place: 'here', ...row, created_at })
    .execute();
}

/** The issuer of a name such as `issuing`, whatever its state. */
export function findIssuer(database: Database, id: string): Promise<IssuerRow | undefined> {
  return database.selectFrom('issuer').select(COLUMNS).where('id', '=', id).executeTakeFirst();
}

/** Every issuer, oldest first. */
export function listIssuers(database: Database): Promise<IssuerRow[]> {
  return database.selectFrom('issuer').select(COLUMNS).orderBy('created_at').orderBy('id').execute();
}

/** Those that sign new certificates: one of each role. */
export async function activeIssuers(database: Database): Promise<ReadonlySet<string>> {
  const rows = await database.selectFrom('issuer').select('id').where('state', '=', sql.lit('active')).execute();
  return new Set(rows.map(({ id }) => id));
}

/** Says what a CA may still do; nothing happens where there is no such CA. */
export async function setIssuerState(database: Database, id: string, state: IssuerState): Promise<void> {
  await database.updateTable('issuer').set({ state }).where('id', '=', id).execute();
}

/** Says of a certificate, whose number is reserved, that it is a cross-certificate. */
export async function insertCrossCertificate(
  database: Database,
  row: Pick<CrossCertificateRow, 'serial' | 'issuer' | 'signer'>,
): Promise<void> {
  await database.insertInto('cross_certificate').values(row).execute();
}

/** Every cross-certificate, in the order of their numbers. */
export function listCrossCertificates(database: Database): Promise<CrossCertificateRow[]> {
  return database
    .selectFrom('cross_certificate')
    .innerJoin('certificate', 'certificate.serial', 'cross_certificate.serial')
    .select([
      'cross_certificate.serial',
      'cross_certificate.issuer',
      'cross_certificate.signer',
      'certificate.der',
      'certificate.not_after',
      'certificate.status',
    ])
    .orderBy('cross_certificate.serial')
    .execute();
}

/** What the OCSP responder of an issuer is called among the services. */
export const responderService = (issuer: string): string => `ocsp-${issuer}`;

/** Counts what an issuer signed that is neither expired nor revoked at `now`, except our own CAs and OCSP responders. */
export async function issuerUsage(database: Database, issuer: IssuerName, now: Date): Promise<IssuerUsage> {
  const counted = await stillValid(database, issuer, now)
    .select((select) => select.fn.countAll().as('valid'))
    .executeTakeFirst();
  const responders = issuer.role === 'root' ? 0 : await countResponders(database, issuer, now);
  const last = await dependents(database, issuer, now)
    .select('not_after')
    .orderBy('not_after', 'desc')
    .limit(1)
    .executeTakeFirst();
  return { valid: Number(counted?.valid ?? 0) - responders, lastNotAfter: last?.not_after };
}

/** Counts responders separately, by their service, so that the others can be counted in an index. */
async function countResponders(database: Database, { id }: IssuerName, now: Date): Promise<number> {
  const row = await database
    .selectFrom('certificate')
    .select((select) => select.fn.countAll().as('responders'))
    .where('service', '=', responderService(id))
    .where('status', '=', sql.lit('active'))
    .where('not_after', '>=', now.getTime())
    .where('issuer', '=', id)
    .where('profile', '=', 'ocsp-responder')
    .executeTakeFirst();
  return Number(row?.responders ?? 0);
}

/**
 * The services (or the subject of a certificate without one) whose certificates {@link issuerUsage} counts, each once, those whose certificates expire last
 * first. Only the last `limit` certificates are looked at.
 */
export async function servicesOfIssuer(
  database: Database,
  issuer: IssuerName,
  { now, limit }: { readonly now: Date; readonly limit: number },
): Promise<ServiceOfIssuer[]> {
  const rows = await dependents(database, issuer, now)
    .select(['service', 'subject', 'not_after'])
    .orderBy('not_after', 'desc')
    .limit(limit)
    .execute();
  const lastOf = new Map<string, number>();
  for (const { service, subject, not_after: notAfter } of rows)
    if (!lastOf.has(service ?? subject)) lastOf.set(service ?? subject, notAfter);
  return [...lastOf].map(([service, lastNotAfter]) => ({ service, lastNotAfter }));
}

function stillValid(database: Database, { id, role }: IssuerName, now: Date) {
  const query = database
    .selectFrom('certificate')
    .where('issuer', '=', id)
    // Written out, not a parameter: only so is the partial index used.
    .where('status', '=', sql.lit('active'))
    .where('not_after', '>=', now.getTime());
  // An issuing CA certifies none of our own CAs: without a condition on the profile the index alone answers, even for a million rows.
  return role === 'root' ? query.where('profile', 'not in', ['root', 'issuing', 'cross', 'ocsp-responder']) : query;
}

/** The certificates that depend on the issuer, without the responders, which only serve the others. */
const dependents = (database: Database, issuer: IssuerName, now: Date) =>
  stillValid(database, issuer, now).where('profile', '<>', 'ocsp-responder');
