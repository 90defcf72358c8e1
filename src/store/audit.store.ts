import type { Selectable } from 'kysely';
import type { AuditTable, Database, Transaction } from './schema.js';

/** One row of the audit record. */
export type AuditRow = Readonly<Selectable<AuditTable>>;
/** Where the record ends. */
export interface AuditHead {
  readonly sequence: number;
  readonly hash: string;
}

const COLUMNS = [
  'sequence',
  'at',
  'action',
  'phase',
  'actor',
  'request_id',
  'subject',
  'detail',
  'previous_hash',
  'hash',
] as const;

export async function auditHead(database: Database): Promise<AuditHead | undefined> {
  return database.selectFrom('audit_head').select(['sequence', 'hash']).where('id', '=', 1).executeTakeFirst();
}

/** Adds rows, and moves the end of the record to the last. */
export async function insertAudit(transaction: Transaction, rows: readonly AuditRow[]): Promise<void> {
  const last = rows.at(-1);
  if (!last) return;
  await transaction.insertInto('audit').values(rows).execute();
  const head = { sequence: last.sequence, hash: last.hash };
  await transaction
    .insertInto('audit_head')
    .values({ id: 1, ...head })
    .onConflict((conflict) => conflict.column('id').doUpdateSet(head))
    .execute();
}

/** Rows after `after`, in order, at most `limit`. */
export function listAudit(database: Database, after: number, limit: number): Promise<AuditRow[]> {
  return database
    .selectFrom('audit')
    .select(COLUMNS)
    .where('sequence', '>', after)
    .orderBy('sequence')
    .limit(limit)
    .execute();
}
