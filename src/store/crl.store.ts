import type { Selectable } from 'kysely';
import type { CrlTable, Database, Transaction } from './schema.js';

/** One signed CRL. */
export type CrlRow = Readonly<Selectable<CrlTable>>;
/** A CRL without its octets. */
export type CrlHeader = Omit<CrlRow, 'der'>;

const HEADER = ['issuer', 'number', 'this_update', 'next_update', 'revocation_sequence'] as const;
// Enough to look into what went wrong; a CRL may be megabytes.
const KEPT = 10;

/** The last CRL of an issuer, without its octets. */
export function lastCrlHeader(database: Database, issuer: string): Promise<CrlHeader | undefined> {
  return database
    .selectFrom('crl')
    .select(HEADER)
    .where('issuer', '=', issuer)
    .orderBy('number', 'desc')
    .limit(1)
    .executeTakeFirst();
}

/** The last CRL of an issuer. */
export function lastCrl(database: Database, issuer: string): Promise<CrlRow | undefined> {
  return database
    .selectFrom('crl')
    .select([...HEADER, 'der'])
    .where('issuer', '=', issuer)
    .orderBy('number', 'desc')
    .limit(1)
    .executeTakeFirst();
}

/** Adds a CRL and drops those ten and more before it. */
export async function insertCrl(transaction: Transaction, row: CrlRow): Promise<void> {
  await transaction.insertInto('crl').values(row).execute();
  await transaction
    .deleteFrom('crl')
    .where('issuer', '=', row.issuer)
    .where('number', '<=', row.number - KEPT)
    .execute();
}

/** What the number of an issuer's next CRL has to be above, besides the number of its last one; 0 unless the store was restored without that. */
export async function crlFloor(database: Database, issuer: string): Promise<number> {
  const row = await database.selectFrom('crl_floor').select('number').where('issuer', '=', issuer).executeTakeFirst();
  return row?.number ?? 0;
}

/** Forgets the CRLs of an issuer, which may be older than what others have, and has the next one numbered above `number`. */
export async function raiseCrlFloor(transaction: Transaction, issuer: string, number: number): Promise<void> {
  await transaction.deleteFrom('crl').where('issuer', '=', issuer).execute();
  await transaction
    .insertInto('crl_floor')
    .values({ issuer, number })
    .onConflict((conflict) => conflict.column('issuer').doUpdateSet({ number }))
    .execute();
}
