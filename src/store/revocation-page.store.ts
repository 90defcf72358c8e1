import { sql, type AliasedExpression } from 'kysely';
import type { CertificateRow } from './certificate.store.js';
import type { Database } from './schema.js';

/** Revocations of one page, each as `serial revokedAt reason[ invalidityDate]` and a comma between: a row costs an object, a million rows a second. */
export interface RevocationPage {
  readonly text: string;
  readonly entries: number;
  /** The highest place among them. */
  readonly last: number;
}

/** Which part of the revocations of an issuer. */
export interface RevocationPart {
  readonly issuer: string;
  /** One shard only. */
  readonly shard?: number;
  readonly after: number;
  /** The last place that counts. */
  readonly until?: number;
  /** Only certificates that are valid until then or longer. */
  readonly validUntil?: Date | undefined;
  readonly limit: number;
}

/** The shards in which an issuer has revocations, in order. */
export async function* revokedShards(database: Database, issuer: string): AsyncGenerator<number> {
  for (let after = -1; ;) {
    const row = await database
      .selectFrom('certificate')
      .select((select) => select.fn.min('crl_shard').as('shard'))
      .where('issuer', '=', issuer)
      .where('status', '=', sql.lit('revoked'))
      .where('crl_shard', '>', after)
      .executeTakeFirst();
    if (typeof row?.shard !== 'number') return;
    yield row.shard;
    after = row.shard;
  }
}

/** What an entry of a list is made of. */
const ENTRY = ['serial', 'revoked_at', 'revocation_reason', 'revocation_sequence'] as const;

/** One page of what a list is made of, in the order of revocations. */
export async function readRevocationPage(database: Database, part: RevocationPart): Promise<RevocationPage> {
  const { issuer, shard, after, limit } = part;
  let query = database
    .selectFrom('certificate')
    .select([...ENTRY, 'invalidity_date'])
    .where('issuer', '=', issuer)
    .where('status', '=', sql.lit('revoked'))
    .where('revocation_sequence', '>', after)
    .orderBy('revocation_sequence')
    .limit(limit);
  if (part.until !== undefined) query = query.where('revocation_sequence', '<=', part.until);
  if (shard !== undefined) query = query.where('crl_shard', '=', shard);
  if (part.validUntil !== undefined) query = query.where('not_after', '>=', part.validUntil.getTime());
  return readPage(database, query.as('page'), after);
}

/**
 * As {@link readRevocationPage}, of the serial numbers of which nothing is known but that they are revoked. Of which shard they were is not known either:
 * they are in each. None unless the store was restored.
 */
export async function readRevokedSerialPage(
  database: Database,
  { issuer, after, until, validUntil, limit }: Omit<RevocationPart, 'shard'>,
): Promise<RevocationPage> {
  let query = database
    .selectFrom('revoked_serial')
    .select([...ENTRY, sql<number | null>`null`.as('invalidity_date')])
    .where('issuer', '=', issuer)
    .where('revocation_sequence', '>', after)
    .orderBy('revocation_sequence')
    .limit(limit);
  if (until !== undefined) query = query.where('revocation_sequence', '<=', until);
  if (validUntil !== undefined) query = query.where('not_after', '>=', validUntil.getTime());
  return readPage(database, query.as('page'), after);
}

type EntryPage = AliasedExpression<
  Pick<CertificateRow, (typeof ENTRY)[number] | 'invalidity_date'> & Readonly<Record<string, unknown>>,
  'page'
>;

async function readPage(database: Database, page: EntryPage, after: number): Promise<RevocationPage> {
  const row = await database
    .selectFrom(page)
    .select([
      sql<
        string | null
      >`string_agg(serial || ' ' || revoked_at || ' ' || revocation_reason || coalesce(' ' || invalidity_date, ''), ',')`.as(
        'text',
      ),
      sql<number>`count(*)`.as('entries'),
      sql<number | null>`max(revocation_sequence)`.as('last'),
    ])
    .executeTakeFirst();
  return { text: row?.text ?? '', entries: row?.entries ?? 0, last: row?.last ?? after };
}
