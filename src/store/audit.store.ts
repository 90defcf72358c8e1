import type { Selectable } from 'kysely';
import type { AuditTable, Database, Transaction } from './schema.js';
import { insertingRows, type TogetherStatement } from './together.js';

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

/**
 * Moves the end of the record from one place to another; `from` undefined: the record is empty. False, and nothing moved, when the record ends
 * somewhere else.
 */
export async function moveAuditHead(
  transaction: Transaction,
  from: AuditHead | undefined,
  to: AuditHead,
): Promise<boolean> {
  if (from) {
    const { numUpdatedRows } = await transaction
      .updateTable('audit_head')
      .set(to)
      .where('id', '=', 1)
      .where('sequence', '=', from.sequence)
      .where('hash', '=', from.hash)
      .executeTakeFirst();
    return numUpdatedRows === 1n;
  }
  const { numInsertedOrUpdatedRows } = await transaction
    .insertInto('audit_head')
    .values({ id: 1, ...to })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  return numInsertedOrUpdatedRows === 1n;
}

/** {@link moveAuditHead} and {@link insertAudit} together with other statements, for a record that ends at `from`. */
export const auditStatements = (from: AuditHead, to: AuditHead, rows: readonly AuditRow[]): TogetherStatement[] => [
  {
    sql: 'update audit_head set sequence = ?, hash = ? where id = 1 and sequence = ? and hash = ?',
    parameters: [[to.sequence, to.hash, from.sequence, from.hash]],
    rows: 1,
  },
  insertingRows('audit', COLUMNS, rows),
];

/** Adds rows, one at least, to the end of the record: see {@link moveAuditHead}. */
export async function insertAudit(transaction: Transaction, rows: readonly AuditRow[]): Promise<void> {
  await transaction.insertInto('audit').values(rows).execute();
}

/** The last row, and the latest time in milliseconds, of actions whose names begin with one of `prefixes`; 0 where there is none. */
export async function lastRecorded(
  database: Database,
  prefixes: readonly string[],
): Promise<{ readonly sequence: number; readonly at: number }> {
  const row = await database
    .selectFrom('audit')
    .select((select) => [select.fn.max('sequence').as('sequence'), select.fn.max('at').as('at')])
    .where((where) => where.or(prefixes.map((prefix) => where('action', 'like', `${prefix}%`))))
    .executeTakeFirst();
  return { sequence: row?.sequence ?? 0, at: row?.at ?? 0 };
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
