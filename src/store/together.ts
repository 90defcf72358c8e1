import type { DatabaseConnection } from 'kysely';
import type { Database, Schema, Transaction } from './schema.js';

/** One statement, run with each of several sets of parameters, and how many rows that must give or change in all. */
export interface TogetherStatement {
  /** In SQLite's words: it adds one row, as {@link insertingRows} does, or has one parameter, or is run for one set of parameters only. */
  readonly sql: string;
  readonly parameters: readonly (readonly unknown[])[];
  readonly rows: number;
}

/** All that a work has to write when nothing is in its way, known before the first statement is run. */
export interface WholeWork<T> {
  readonly statements: readonly TogetherStatement[];
  /** What the work comes to; called once they are durable. */
  readonly written: () => T;
}

/** A connection that takes statements together: see {@link runTogether} and {@link commitTogether}. */
export interface TogetherConnection extends DatabaseConnection {
  runTogether(statements: readonly TogetherStatement[]): Promise<boolean>;
  commitTogether(statements: readonly TogetherStatement[]): Promise<boolean>;
}

/**
 * Runs statements one after the other in one round trip: true when each came to its number of rows. False, and nothing of them is done, when one did not, or
 * where the database has no such way. Throws what the database refuses one with.
 */
export function runTogether(transaction: Transaction, statements: readonly TogetherStatement[]): Promise<boolean> {
  return transaction
    .getExecutor()
    .provideConnection((connection) =>
      isTogether(connection) ? connection.runTogether(statements) : Promise.resolve(false),
    );
}

/**
 * As {@link runTogether}, from the beginning of a transaction to its commit, in as few round trips as the database can. Undefined, and nothing is done, when
 * there is another way to go: `work` gives nothing, a statement did not come to its number of rows, or the database has no such way.
 */
export function commitTogether<T>(
  database: Database,
  work: () => WholeWork<T> | undefined,
): Promise<{ readonly value: T } | undefined> {
  return database.getExecutor().provideConnection(async (connection) => {
    const whole = isTogether(connection) ? work() : undefined;
    if (!whole || !isTogether(connection) || !(await connection.commitTogether(whole.statements))) return undefined;
    return { value: whole.written() };
  });
}

const isTogether = (connection: DatabaseConnection): connection is TogetherConnection => 'runTogether' in connection;

/** Adds rows to a table, in SQLite's words; with `unlessTaken`, a row whose key is taken changes nothing, instead of being refused. */
export function insertingRows<Table extends keyof Schema, Column extends keyof Schema[Table] & string>(
  table: Table,
  columns: readonly Column[],
  rows: readonly Readonly<Pick<Schema[Table], Column>>[],
  { unlessTaken = false }: { readonly unlessTaken?: boolean } = {},
): TogetherStatement {
  const values = columns.map(() => '?').join(', ');
  const conflict = unlessTaken ? ' on conflict do nothing' : '';
  return {
    sql: `insert into ${table} (${columns.join(', ')}) values (${values})${conflict}`,
    parameters: rows.map((row) => columns.map((column) => row[column])),
    rows: rows.length,
  };
}
