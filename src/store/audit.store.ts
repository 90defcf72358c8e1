import { sql, type Selectable } from 'kysely';
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

/** Where the record ends; undefined while it is empty. */
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

/** What the record calls the changes of our CAs, and of the store as a whole: those that the index `audit_of_authorities` has. */
const OF_AUTHORITIES = ['issuer.%', 'ca.%', 'restore%'];

/** The last row, and the latest time in milliseconds, of what became of our CAs and of the store as a whole; 0 where there is none. */
export async function lastChangeOfAuthorities(
  database: Database,
): Promise<{ readonly sequence: number; readonly at: number }> {
  let [sequence, at] = [0, 0];
  // One by one, and written out, not parameters: only so is the partial index used.
  for (const pattern of OF_AUTHORITIES) {
    const row = await database
      .selectFrom('audit')
      .select((select) => [select.fn.max('sequence').as('sequence'), select.fn.max('at').as('at')])
      .where('action', 'like', sql.lit(pattern))
      .executeTakeFirst();
    [sequence, at] = [Math.max(sequence, row?.sequence ?? 0), Math.max(at, row?.at ?? 0)];
  }
  return { sequence, at };
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
