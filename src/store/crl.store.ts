import type { Selectable } from 'kysely';
import type { CrlTable, Database, Transaction } from './schema.js';

/** One signed CRL. */
export type CrlRow = Readonly<Selectable<CrlTable>>;
/** A CRL without its octets. */
export type CrlHeader = Omit<CrlRow, 'der'>;
/** Identifies a list by its issuer and scope: the complete one, its delta, or a shard by its number. */
export interface CrlPlace {
  readonly issuer: string;
  readonly scope: string;
}

const HEADER = [
  'issuer',
  'number',
  'scope',
  'base_number',
  'this_update',
  'next_update',
  'revocation_sequence',
  'octets',
  'sha256',
  'distribution_points',
] as const;
// Enough to look into what went wrong; a CRL may be megabytes.
const KEPT = 10;

/** The last CRL of a place, without its octets. */
export function lastCrlHeader(database: Database, { issuer, scope }: CrlPlace): Promise<CrlHeader | undefined> {
  return database
    .selectFrom('crl')
    .select(HEADER)
    .where('issuer', '=', issuer)
    .where('scope', '=', scope)
    .orderBy('number', 'desc')
    .limit(1)
    .executeTakeFirst();
}

/** The first CRL of a place, of those that are kept, that has not ended at `now`; the last one when all have. Without its octets. */
export async function firstCurrentCrlHeader(
  database: Database,
  place: CrlPlace,
  now: Date,
): Promise<CrlHeader | undefined> {
  const first = await database
    .selectFrom('crl')
    .select(HEADER)
    .where('issuer', '=', place.issuer)
    .where('scope', '=', place.scope)
    .where('next_update', '>=', now.getTime())
    .orderBy('number')
    .limit(1)
    .executeTakeFirst();
  return first ?? lastCrlHeader(database, place);
}

/** Whether no CRL of its place before one has its thisUpdate. */
export async function isFirstOfItsTime(
  database: Database,
  { issuer, scope, number, this_update: thisUpdate }: Pick<CrlHeader, 'issuer' | 'scope' | 'number' | 'this_update'>,
): Promise<boolean> {
  const before = await database
    .selectFrom('crl')
    .select('this_update')
    .where('issuer', '=', issuer)
    .where('scope', '=', scope)
    .where('number', '<', number)
    .orderBy('number', 'desc')
    .limit(1)
    .executeTakeFirst();
  return before?.this_update !== thisUpdate;
}

/** The octets of a CRL; undefined for one that is too large for its row. */
export async function crlOctets(
  database: Database,
  { issuer, number }: Pick<CrlHeader, 'issuer' | 'number'>,
): Promise<Uint8Array | undefined> {
  const row = await database
    .selectFrom('crl')
    .select('der')
    .where('issuer', '=', issuer)
    .where('number', '=', number)
    .executeTakeFirst();
  return row?.der ?? undefined;
}

/** The scopes of which an issuer has signed lists. */
export async function listCrlScopes(database: Database, issuer: string): Promise<string[]> {
  const rows = await database.selectFrom('crl').select('scope').distinct().where('issuer', '=', issuer).execute();
  return rows.map(({ scope }) => scope);
}

/**
 * Takes the next CRL number of an issuer, which serves lists of every scope: above all numbers before, above {@link crlFloor}, and above `floor`. It is never
 * given out again, even if it is not used.
 */
export async function takeCrlNumber(transaction: Transaction, issuer: string, floor = 0): Promise<number> {
  const last = Math.max(await lastCrlNumber(transaction, issuer), floor) + 1;
  await transaction
    .insertInto('crl_number')
    .values({ issuer, last })
    .onConflict((conflict) => conflict.column('issuer').doUpdateSet({ last }))
    .execute();
  return last;
}

/** A CRL's row before it is added. */
export type NewCrlRow = Omit<CrlRow, 'distribution_points'> & Partial<Pick<CrlRow, 'distribution_points'>>;

/** Adds a CRL. Drops the CRLs ten or more before it, and the pieces of all but this one. */
export async function insertCrl(transaction: Transaction, row: NewCrlRow): Promise<void> {
  await transaction.insertInto('crl').values(row).execute();
  const { issuer, scope, number } = row;
  const earlier = await transaction
    .selectFrom('crl')
    .select('number')
    .where('issuer', '=', issuer)
    .where('scope', '=', scope)
    .where('number', '<', number)
    .orderBy('number', 'desc')
    .execute();
  const numbers = earlier.map((each) => each.number);
  await deleteCrlParts(transaction, issuer, numbers);
  const dropped = numbers.slice(KEPT - 1);
  if (dropped.length > 0)
    await transaction.deleteFrom('crl').where('issuer', '=', issuer).where('number', 'in', dropped).execute();
}

/** Keeps a piece of a list that is too large for a row. */
export async function insertCrlPart(
  transaction: Transaction,
  part: { readonly issuer: string; readonly number: number; readonly part: number; readonly octets: Uint8Array },
): Promise<void> {
  await transaction.insertInto('crl_part').values(part).execute();
}

/** The pieces of a list, in order; none where it was never kept in pieces. */
export async function* crlParts(database: Database, issuer: string, number: number): AsyncGenerator<Uint8Array> {
  for (let part = 0; ; part++) {
    const row = await database
      .selectFrom('crl_part')
      .select('octets')
      .where('issuer', '=', issuer)
      .where('number', '=', number)
      .where('part', '=', part)
      .executeTakeFirst();
    if (!row) return;
    yield row.octets;
  }
}

/** The numbers of lists that have pieces but no row: they are being made, or the process that made them was killed. */
export async function unplacedCrls(database: Database, issuer: string): Promise<number[]> {
  const rows = await database
    .selectFrom('crl_part')
    .select('number')
    .distinct()
    .where('issuer', '=', issuer)
    .where('number', 'not in', (select) => select.selectFrom('crl').select('number').where('issuer', '=', issuer))
    .execute();
  return rows.map(({ number }) => number);
}

/** Drops the pieces of lists. */
export async function deleteCrlParts(
  transaction: Transaction,
  issuer: string,
  numbers: readonly number[],
): Promise<void> {
  if (numbers.length > 0)
    await transaction.deleteFrom('crl_part').where('issuer', '=', issuer).where('number', 'in', numbers).execute();
}

/** The number that an issuer's next CRL has to exceed, besides those that were given out; 0 unless the store was restored from a backup that lacks them. */
export async function crlFloor(database: Database, issuer: string): Promise<number> {
  const row = await database.selectFrom('crl_floor').select('number').where('issuer', '=', issuer).executeTakeFirst();
  return row?.number ?? 0;
}

/** The highest number that an issuer's CRLs may have had so far. */
export async function lastCrlNumber(database: Database, issuer: string): Promise<number> {
  const taken = await database.selectFrom('crl_number').select('last').where('issuer', '=', issuer).executeTakeFirst();
  return Math.max(taken?.last ?? 0, await crlFloor(database, issuer));
}

/** Has the next CRL of an issuer numbered above `number`. */
export async function raiseCrlFloor(transaction: Transaction, issuer: string, number: number): Promise<void> {
  await transaction
    .insertInto('crl_floor')
    .values({ issuer, number })
    .onConflict((conflict) => conflict.column('issuer').doUpdateSet({ number }))
    .execute();
}

/**
 * Forgets the CRLs of an issuer, because others may have newer ones; with `keep`, all except those of that scope. That there are shards stays known: each is
 * due at once, and none is served before it was signed.
 */
export async function forgetCrls(transaction: Transaction, issuer: string, keep?: string): Promise<void> {
  const unsharded = ['complete', 'delta'].filter((scope) => scope !== keep);
  await transaction.deleteFrom('crl_part').where('issuer', '=', issuer).execute();
  await transaction.deleteFrom('crl').where('issuer', '=', issuer).where('scope', 'in', unsharded).execute();
  await transaction
    .updateTable('crl')
    .set({ der: null, sha256: '', octets: 0, revocation_sequence: -1 })
    .where('issuer', '=', issuer)
    .where('scope', 'not in', ['complete', 'delta'])
    .execute();
}
