import type pg from 'pg';

/** How long a connection may take, in milliseconds. */
export const CONNECT_MS = 5_000;
/** Longer than any statement of ours takes, in milliseconds; a migration has no such bound. */
export const STATEMENT_MS = 15_000;
const BUSY_MS = 5_000;

/** What is asked of a session. Times in milliseconds; 0: without a bound. */
export interface SessionOptions {
  readonly readOnly?: boolean | undefined;
  readonly busyTimeout?: number | undefined;
  readonly statementTimeout?: number;
}

/**
 * Begins a session on a new connection. By a statement, not by parameters of the connection: those are more than a pooler in between takes, and the URL may
 * have others. Throws what the database says.
 */
export const beginSession =
  ({ readOnly = false, busyTimeout = BUSY_MS, statementTimeout = STATEMENT_MS }: SessionOptions) =>
  async (client: pg.ClientBase): Promise<void> => {
    const settings = {
      // Never off: that is for the database's owner to say.
      ...(readOnly ? { default_transaction_read_only: 'on' } : {}),
      lock_timeout: busyTimeout,
      statement_timeout: statementTimeout,
      // A process that stopped amid a transaction lets the others write again after this.
      idle_in_transaction_session_timeout: 60_000,
      // A machine that died or lost its network holds the lock of the writers until TCP notices: after 25 seconds, and not the two hours of its default.
      tcp_keepalives_idle: 10,
      tcp_keepalives_interval: 5,
      tcp_keepalives_count: 3,
      tcp_user_timeout: 25_000,
    };
    const each = Object.entries(settings).map(([name, value]) => `set_config('${name}', '${value}', false)`);
    await client.query(`select ${each.join(', ')}`);
  };
