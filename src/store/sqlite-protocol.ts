/** To a thread with a connection. */
export interface ThreadRequest {
  /** Given back with the answer. 0 asks for none: what fails is then told with each answer until the transaction ends. */
  readonly id: number;
  /** `begin` starts a transaction that may write, or fails at once when another connection has one. */
  readonly kind: 'begin' | 'statement' | 'close';
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

/** What SQLite failed with. */
export interface ThreadFailure {
  readonly message: string;
  /** SQLite's extended result code. */
  readonly errcode: number | undefined;
}

/** From the thread: rows, or how many were changed, or the failure. */
export interface ThreadResponse {
  readonly id: number;
  readonly rows: readonly unknown[];
  readonly changes: number | bigint | undefined;
  readonly failure: ThreadFailure | undefined;
}

/** What the thread is started with. */
export interface ThreadData {
  readonly path: string;
  /** How long a statement waits, with the thread, for another connection that opens or closes the log, in milliseconds. */
  readonly statementTimeout: number;
  /** It can only read. */
  readonly readOnly: boolean;
}
