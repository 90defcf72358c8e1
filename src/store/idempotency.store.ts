import type { Selectable } from 'kysely';
import type { Database, IdempotencyTable, Transaction } from './schema.js';

/** What was asked for under an Idempotency-Key, and what came of it. */
export type IdempotencyRow = Readonly<Selectable<IdempotencyTable>>;

/** The row of a caller's key that was made at `since` or later. */
export function findIdempotency(
  database: Database,
  { caller, key, since }: { readonly caller: string; readonly key: string; readonly since: Date },
): Promise<IdempotencyRow | undefined> {
  return database
    .selectFrom('idempotency')
    .select(['caller', 'key', 'request_sha256', 'serial', 'created_at'])
    .where('caller', '=', caller)
    .where('key', '=', key)
    .where('created_at', '>=', since.getTime())
    .executeTakeFirst();
}

/** Adds a row, after removing every one from before `since`. False when the caller's key is taken. */
export async function insertIdempotency(transaction: Transaction, row: IdempotencyRow, since: Date): Promise<boolean> {
  await transaction.deleteFrom('idempotency').where('created_at', '<', since.getTime()).execute();
  const result = await transaction
    .insertInto('idempotency')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  return result.numInsertedOrUpdatedRows === 1n;
}
