import type { Database, Transaction } from './schema.js';

/** The policy that was recorded last, as text; undefined when none was. */
export async function findPolicy(database: Database): Promise<string | undefined> {
  const row = await database.selectFrom('policy').select('contents').where('id', '=', 1).executeTakeFirst();
  return row?.contents;
}

/** Puts another one in its place. */
export async function setPolicy(transaction: Transaction, contents: string): Promise<void> {
  await transaction
    .insertInto('policy')
    .values({ id: 1, contents })
    .onConflict((conflict) => conflict.column('id').doUpdateSet({ contents }))
    .execute();
}
