import { SqliteAdapter, sql, type SelectQueryBuilder } from 'kysely';
import type { Database, Schema } from './schema.js';
import { StoreError } from './store-error.js';

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

/**
 * Revocations as they stand on a list: DER entries, one after the other (RFC 5280 §5.1.2.6). A row for each would take longer than everything else. Throws
 * {@link StoreError} `store_corrupt` when one of them has no entry, because a list would lack it.
 */
export function readRevocationPage(database: Database, { shard, ...part }: RevocationPart): Promise<Uint8Array> {
  let query = database.selectFrom('certificate').where('status', '=', sql.lit('revoked'));
  if (shard !== undefined) query = query.where('crl_shard', '=', shard);
  return readPage(database, query, part);
}

/**
 * As {@link readRevocationPage}, for the serial numbers of which nothing is known but that they are revoked. Their shard is not known either, so they are in
 * each. There are none unless the store was restored.
 */
export function readRevokedSerialPage(database: Database, part: Omit<RevocationPart, 'shard'>): Promise<Uint8Array> {
  return readPage(database, database.selectFrom('revoked_serial'), part);
}

type Revoked = SelectQueryBuilder<Schema, 'certificate' | 'revoked_serial', object>;

async function readPage(
  database: Database,
  revoked: Revoked,
  { issuer, after, until, validUntil }: Omit<RevocationPart, 'shard'>,
): Promise<Uint8Array> {
  let query = revoked
    .where('issuer', '=', issuer)
    .where('revocation_sequence', '>', after)
    .where('revocation_sequence', '<=', until);
  if (validUntil !== undefined) query = query.where('not_after', '>=', validUntil.getTime());
  const page = await query
    .select([
      joined(database).as('octets'),
      sql<number>`count(*)`.as('revocations'),
      sql<number>`count(crl_entry)`.as('entries'),
      sql<number | null>`sum(length(crl_entry))`.as('length'),
    ])
    .executeTakeFirstOrThrow();
  const octets = page.octets ?? new Uint8Array();
  if (page.entries !== page.revocations || octets.length !== (page.length ?? 0))
    throw new StoreError(
      'store_corrupt',
      `of the ${page.revocations} revocations by ${issuer} from ${after} to ${until} some have no entry: no list is signed without them`,
    );
  return octets;
}

/** SQLite joins octets as text, which it neither looks into nor changes; how many came is compared with how many there are. */
const joined = (database: Database) =>
  database.getExecutor().adapter instanceof SqliteAdapter
    ? sql<Uint8Array | null>`cast(string_agg(crl_entry, '') as blob)`
    : sql<Uint8Array | null>`string_agg(crl_entry, ''::bytea)`;
