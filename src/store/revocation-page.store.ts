import { SqliteAdapter, sql, type SelectQueryBuilder } from 'kysely';
import { entriesOf, type RevocationPage } from './revocation-page.js';
import type { Database, Schema } from './schema.js';

/** Which part of the revocations of an issuer. */
export interface RevocationPart {
  readonly issuer: string;
  /** One shard only. */
  readonly shard?: number | undefined;
  /** The place in the order of revocations before the first, and the last one. */
  readonly after: number;
  readonly until: number;
  /** Only certificates that are valid until then or longer. */
  readonly validUntil?: Date | undefined;
}

/** A {@link RevocationPage} as a query: entries as they stand on a list (RFC 5280 §5.1.2.6). A row for each would take longer than everything else. */
export type PageQuery = SelectQueryBuilder<Schema, 'certificate' | 'revoked_serial', RevocationPage>;

/** The revocations of certificates. */
export function revocationPage(database: Database, { shard, ...part }: RevocationPart): PageQuery {
  let query = database.selectFrom('certificate').where('status', '=', sql.lit('revoked'));
  if (shard !== undefined) query = query.where('crl_shard', '=', shard);
  return pageOf(database, query, part);
}

/**
 * As {@link revocationPage}, for the serial numbers of which nothing is known but that they are revoked. Their shard is not known either, so they are in
 * each. There are none unless the store was restored.
 */
export function revokedSerialPage(database: Database, part: Omit<RevocationPart, 'shard'>): PageQuery {
  return pageOf(database, database.selectFrom('revoked_serial'), part);
}

/** The entries of a page. Throws as {@link entriesOf}. */
export async function readPage(query: PageQuery): Promise<Uint8Array> {
  return entriesOf(await query.executeTakeFirstOrThrow());
}

function pageOf(
  database: Database,
  revoked: SelectQueryBuilder<Schema, 'certificate' | 'revoked_serial', object>,
  { issuer, after, until, validUntil }: Omit<RevocationPart, 'shard'>,
): PageQuery {
  let query = revoked
    .where('issuer', '=', issuer)
    .where('revocation_sequence', '>', after)
    .where('revocation_sequence', '<=', until);
  if (validUntil !== undefined) query = query.where('not_after', '>=', validUntil.getTime());
  return query.select([
    joined(database).as('octets'),
    sql<number>`count(*)`.as('revocations'),
    sql<number>`count(crl_entry)`.as('entries'),
    sql<number | null>`sum(length(crl_entry))`.as('length'),
  ]);
}

/** SQLite joins octets as text, which it neither looks into nor changes; how many came is compared with how many there are. */
const joined = (database: Database) =>
  database.getExecutor().adapter instanceof SqliteAdapter
    ? sql<Uint8Array | null>`cast(string_agg(crl_entry, '') as blob)`
    : sql<Uint8Array | null>`string_agg(crl_entry, ''::bytea)`;
