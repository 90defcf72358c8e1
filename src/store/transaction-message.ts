import type pg from 'pg';

/** A statement in PostgreSQL's words, with its parameters in their text form. */
export interface PostgresStatement {
  readonly text: string;
  readonly values: readonly (string | null)[];
}

export const withoutValues = (text: string): PostgresStatement => ({ text, values: [] });

/**
 * Statements that go to the server in one message. Outside of a transaction they are one, which is durable when the answer is there: of what comes before
 * one Sync all is committed or, from the first error on, nothing (PostgreSQL documentation, Message Flow, Extended Query). A connection prepares each text
 * once, so there may be few of them.
 */
export class TransactionMessage implements pg.Submittable {
  readonly #statements: readonly PostgresStatement[];
  #prepared: Set<string> | undefined;
  /** How `pg` tells the outcome; it puts its own timeout around this. */
  callback: (error?: Error) => void = () => undefined;

  private constructor(statements: readonly PostgresStatement[]) {
    this.#statements = statements;
  }

  /** Throws what the server or the way to it failed with. */
  static send(client: pg.ClientBase, statements: readonly PostgresStatement[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const message = new TransactionMessage(statements);
      message.callback = (error) => {
        if (error === undefined) resolve();
        else reject(error);
      };
      client.query(message);
    });
  }

  submit(connection: pg.Connection): void {
    const prepared = preparedOn(connection);
    connection.stream.cork();
    for (const { text, values } of this.#statements) {
      const statement = nameOf(text);
      if (!prepared.has(statement)) {
        // It may be there, of a message that failed further on; and it is no error to close what is not.
        connection.close({ type: 'S', name: statement }, true);
        connection.parse({ name: statement, text, types: [] }, true);
      }
      connection.bind({ statement, values: [...values] }, true);
      connection.execute({}, true);
    }
    connection.sync();
    connection.stream.uncork();
    this.#prepared = prepared;
  }

  handleDataRow(): void {
    // Nothing is asked: what counts is the end of the transaction.
  }

  handleCommandComplete(): void {
    // As above.
  }

  handleReadyForQuery(): void {
    for (const { text } of this.#statements) this.#prepared?.add(nameOf(text));
    this.callback();
  }

  handleError(error: Error): void {
    // What is prepared may be gone (DEALLOCATE, DISCARD), and nobody knows how far this message came.
    this.#prepared?.clear();
    this.callback(error);
  }
}

const names = new Map<string, string>();

/** The same name on each connection. */
function nameOf(text: string): string {
  const name = names.get(text) ?? `veritas_${names.size}`;
  names.set(text, name);
  return name;
}

const preparedByConnection = new WeakMap<pg.Connection, Set<string>>();

/** The names of the statements that are prepared on a connection for certain. */
function preparedOn(connection: pg.Connection): Set<string> {
  const prepared = preparedByConnection.get(connection) ?? new Set();
  preparedByConnection.set(connection, prepared);
  return prepared;
}
