import pg from 'pg';
import { LAST_MIGRATION, SCHEMA } from './migrations.js';
import type { TogetherStatement } from './together.js';
import type { PostgresStatement } from './transaction-message.js';

/** SQLSTATE of the division by zero with which {@link insistingOn} ends a transaction. */
const DIVISION_BY_ZERO = '22012';
/** SQLSTATE of a prepared statement that the session does not have any more. */
const UNKNOWN_STATEMENT = '26000';
const INSERT = /^insert into (\w+) \(([\w, ]+)\) values \([?, ]+\)( on conflict do nothing)?$/;

/**
 * What has to hold for a transaction that nobody looks into before its commit: each statement sees what was committed before it, and the schema is the
 * one that this program knows, or an earlier one.
 */
export const IS_AS_KNOWN: PostgresStatement = {
  text: `select 1 / (current_setting('transaction_isolation') = 'read committed' and (${LAST_MIGRATION}) <= $1)::int`,
  values: [SCHEMA],
};

/**
 * What one statement for several sets of parameters is in PostgreSQL. Rows are added by one statement that takes them as one JSON text, and what is
 * asked for several values is asked for all of them at once. A transaction ends, see {@link isOtherwise}, at a statement that does not come to its
 * number of rows.
 */
export function inPostgres({ sql, parameters, rows }: TogetherStatement): readonly PostgresStatement[] {
  const [first, ...others] = parameters;
  if (!first) return [];
  const [, table, columns, conflict = ''] = INSERT.exec(sql) ?? [];
  if (table !== undefined && columns !== undefined) {
    // The table's own row type reads the JSON: no column's type is named here a second time.
    const source = `select ${columns} from json_populate_recordset(null::${table}, $1)`;
    const text = `insert into ${table} (${columns}) ${source}${conflict}`;
    return [insistingOn(rows, text, [jsonRows(columns.split(', '), parameters)])];
  }
  if (first.length === 1) {
    const text = sql.replace('= ?', '= any(array(select json_array_elements_text($1)))');
    return [insistingOn(rows, text, [JSON.stringify(parameters.flat().map(jsonOf))])];
  }
  if (others.length > 0) throw new TypeError(`several sets of several parameters: ${sql}`);
  let count = 0;
  return [
    insistingOn(
      rows,
      sql.replaceAll('?', () => `$${++count}`),
      first.map(textOf),
    ),
  ];
}

const textOf = (value: unknown): string | null => (value === null ? null : String(jsonOf(value)));

function insistingOn(rows: number, sql: string, values: PostgresStatement['values']): PostgresStatement {
  const returning = sql.startsWith('select') ? '' : ' returning 1';
  const text = `with done as (${sql}${returning}) select 1 / (count(*) = $${values.length + 1})::int from done`;
  return { text, values: [...values, String(rows)] };
}

/** Whether a transaction ended because a statement did not come to its number of rows, or was no longer prepared: the longer way is still open. */
export const isOtherwise = (error: unknown): boolean =>
  error instanceof pg.DatabaseError && (error.code === DIVISION_BY_ZERO || error.code === UNKNOWN_STATEMENT);

function jsonRows(columns: readonly string[], rows: readonly (readonly unknown[])[]): string {
  return JSON.stringify(rows.map((row) => Object.fromEntries(columns.map((column, i) => [column, jsonOf(row[i])]))));
}

/** Octets in the form that `bytea` reads, and text as it would go by itself: half of a surrogate pair becomes U+FFFD. */
function jsonOf(value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed();
  if (value instanceof Uint8Array)
    return `\\x${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')}`;
  return value;
}
