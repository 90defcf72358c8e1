import type { Compilable, DatabaseConnection } from 'kysely';
import type { Transaction } from './schema.js';

/** One of several statements, and how many rows it must give or change. */
export interface TogetherStatement {
  readonly query: Compilable;
  readonly rows: number;
}

/** The same, as it goes to the database. */
export interface CompiledStatement {
  readonly sql: string;
  readonly parameters: readonly unknown[];
  readonly rows: number;
}

/** A connection that takes statements together: see {@link runTogether}. */
export interface TogetherConnection extends DatabaseConnection {
  runTogether(statements: readonly CompiledStatement[]): Promise<boolean>;
}

/**
 * Runs statements one after the other in one round trip: true when each came to its number of rows. False, and nothing of them is done, when one did not, or
 * where the database has no such way. Throws what the database refuses one with.
 */
export function runTogether(transaction: Transaction, statements: readonly TogetherStatement[]): Promise<boolean> {
  return transaction.getExecutor().provideConnection((connection) => {
    if (!isTogether(connection)) return Promise.resolve(false);
    return connection.runTogether(
      statements.map(({ query, rows }) => {
        const { sql, parameters } = query.compile();
        return { sql, parameters, rows };
      }),
    );
  });
}

const isTogether = (connection: DatabaseConnection): connection is TogetherConnection => 'runTogether' in connection;
