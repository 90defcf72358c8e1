import type { Selectable } from 'kysely';
import type { Database, IssuerTable } from './schema.js';

/** One issuer's row: its certificate, and nothing about its key. */
export type IssuerRow = Readonly<Selectable<IssuerTable>>;

const COLUMNS = ['id', 'role', 'parent', 'der', 'created_at'] as const;

export async function insertIssuer(database: Database, row: IssuerRow): Promise<void> {
  await database.insertInto('issuer').values(row).execute();
}

export function findIssuer(database: Database, id: string): Promise<IssuerRow | undefined> {
  return database.selectFrom('issuer').select(COLUMNS).where('id', '=', id).executeTakeFirst();
}

/** Every issuer, oldest first. */
export function listIssuers(database: Database): Promise<IssuerRow[]> {
  return database.selectFrom('issuer').select(COLUMNS).orderBy('created_at').orderBy('id').execute();
}
