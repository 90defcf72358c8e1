import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import type { ThreadData, ThreadFailure, ThreadRequest, ThreadResponse } from './sqlite-protocol.js';

/*
 * The thread that writes: a commit holds it for as long as the disk takes, and nobody else. So do checkpoints, which come with commits. And the one that
 * reads what is long. It imports nothing of this program, so that it runs as it is, compiled or not.
 */

const MAX_STATEMENTS = 256;
const { path, statementTimeout, readOnly } = workerData as ThreadData;
const statements = new Map<string, { readonly statement: StatementSync; readonly reader: boolean }>();
let database: DatabaseSync | undefined;
let unsaid: ThreadFailure | undefined;

function opened(): DatabaseSync {
  if (!database) {
    database = new DatabaseSync(path, { readOnly, timeout: statementTimeout, enableForeignKeyConstraints: true });
    if (readOnly) return database;
    // Checkpoints of 16 MiB: pages that change with every commit, those of the indexes, go to the file once.
    database.exec('pragma journal_mode = wal; pragma synchronous = full; pragma wal_autocheckpoint = 4096');
  }
  return database;
}

function prepared(sql: string): { readonly statement: StatementSync; readonly reader: boolean } {
  const known = statements.get(sql);
  if (known) return known;
  const statement = opened().prepare(sql);
  const made = { statement, reader: statement.columns().length > 0 };
  if (statements.size < MAX_STATEMENTS) statements.set(sql, made);
  return made;
}

function begin(): void {
  unsaid = undefined;
  const connection = opened();
  // Who waits for whom is the asker's matter, who has other things to do meanwhile.
  connection.exec('pragma busy_timeout = 0');
  try {
    connection.exec('begin immediate');
  } finally {
    connection.exec(`pragma busy_timeout = ${statementTimeout}`);
  }
}

function rollBack(): void {
  unsaid = undefined;
  // A full disk, among others, has undone it already.
  if (database?.isTransaction) database.exec('rollback');
}

function answer({ kind, sql, parameters }: ThreadRequest): Pick<ThreadResponse, 'rows' | 'changes'> {
  const none = { rows: [], changes: undefined };
  if (kind === 'close') {
    database?.close();
    return none;
  }
  if (kind === 'begin') begin();
  else if (sql === 'rollback') rollBack();
  else {
    const { statement, reader } = prepared(sql);
    const values = parameters as SQLInputValue[];
    if (reader) return { rows: statement.all(...values), changes: undefined };
    return { rows: [], changes: statement.run(...values).changes };
  }
  return none;
}

function failureOf(error: unknown): ThreadFailure {
  const { message, errcode } = error as { readonly message?: unknown; readonly errcode?: unknown };
  return { message: String(message), errcode: typeof errcode === 'number' ? errcode : undefined };
}

parentPort?.on('message', (request: ThreadRequest) => {
  const { id, kind, sql } = request;
  let response: ThreadResponse;
  try {
    const goesOn = kind === 'statement' && sql !== 'rollback';
    response =
      unsaid && goesOn
        ? { id, rows: [], changes: undefined, failure: unsaid }
        : { id, ...answer(request), failure: undefined };
  } catch (error) {
    response = { id, rows: [], changes: undefined, failure: failureOf(error) };
    if (id === 0) unsaid = response.failure;
  }
  if (id !== 0) parentPort?.postMessage(response);
  if (kind === 'close') parentPort?.close();
});
