import type { Selectable } from 'kysely';
import type { Database, EnrollmentTokenTable, Transaction } from './schema.js';

/** A one-time enrollment token by the hash of it: what it is good for, until when, and what it was traded for. */
export type EnrollmentTokenRow = Readonly<Selectable<EnrollmentTokenTable>>;

const COLUMNS = [
  'token_sha256',
  'service',
  'profile',
  'names',
  'lifetime',
  'created_at',
  'created_by',
  'expires_at',
  'spent_at',
  'serial',
] as const;

/** Adds a token that was not traded yet, after removing every one that ended before `forgetBefore`. */
export async function insertEnrollmentToken(
  transaction: Transaction,
  row: Omit<EnrollmentTokenRow, 'spent_at' | 'serial'>,
  forgetBefore: Date,
): Promise<void> {
  await transaction.deleteFrom('enrollment_token').where('expires_at', '<', forgetBefore.getTime()).execute();
  await transaction
    .insertInto('enrollment_token')
    .values({ ...row, spent_at: null, serial: null })
    .execute();
}

/** The token with this digest, spent and ended ones too. */
export function findEnrollmentToken(database: Database, tokenSha256: string): Promise<EnrollmentTokenRow | undefined> {
  return database
    .selectFrom('enrollment_token')
    .select(COLUMNS)
    .where('token_sha256', '=', tokenSha256)
    .executeTakeFirst();
}

/**
 * Ends every token that was not traded, of one service where it is named, whatever the clock says later. Gives how many they were, without those that had ended
 * before `since`.
 */
export async function endEnrollmentTokens(
  transaction: Transaction,
  { service, since = new Date(1) }: { readonly service?: string; readonly since?: Date } = {},
): Promise<number> {
  let update = transaction
    .updateTable('enrollment_token')
    .set({ expires_at: 0 })
    .where('spent_at', 'is', null)
    .where('expires_at', '>=', since.getTime());
  if (service !== undefined) update = update.where('service', '=', service);
  return Number((await update.executeTakeFirst()).numUpdatedRows);
}

/** Trades a token for a certificate. False when it was traded before, or has ended. */
export async function spendEnrollmentToken(
  transaction: Transaction,
  { tokenSha256, serial, now }: { readonly tokenSha256: string; readonly serial: string; readonly now: Date },
): Promise<boolean> {
  const result = await transaction
    .updateTable('enrollment_token')
    .set({ spent_at: now.getTime(), serial })
    .where('token_sha256', '=', tokenSha256)
    .where('spent_at', 'is', null)
    .where('expires_at', '>=', now.getTime())
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}
