import { statSync } from 'node:fs';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import type { LogState, ThreadData, ThreadFailure, ThreadRequest, ThreadResponse } from './sqlite-protocol.js';
import type { TogetherStatement } from './together.js';

/*
 * The thread that writes: a commit holds it for as long as the disk takes, and nobody else. And the one that makes checkpoints beside it. It imports nothing
 * of this program, so that it runs as it is, compiled or not.
 */

const MAX_STATEMENTS = 256;
const { path, statementTimeout, terms } = workerData as ThreadData;
const statements = new Map<string, { readonly statement: StatementSync; readonly reader: boolean }>();
let database: DatabaseSync | undefined;

function opened(): DatabaseSync {
  if (!database) {
    database = new DatabaseSync(path, { timeout: statementTimeout, enableForeignKeyConstraints: true });
    // Checkpoints are asked for: none comes with a commit. A log that was long, because of a reader, is cut to 64 MiB when it begins anew.
    database.exec(
      'pragma journal_mode = wal; pragma synchronous = full; pragma wal_autocheckpoint = 0; pragma journal_size_limit = 67108864',
    );
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

function checkpoint(kind: 'noop' | 'passive'): LogState {
  const { log, checkpointed } = prepared(`pragma wal_checkpoint(${kind})`).statement.get() ?? {};
  return { log: Number(log), checkpointed: Number(checkpointed) };
}

/** After a commit, which is what it is whatever happens here. */
function logState(): LogState | undefined {
  try {
    // The first who looks at what was committed notes it in the index of the log, and a disk that stalls holds them up: not the thread that answers requests.
    prepared('pragma data_version').statement.get();
    return checkpoint('noop');
  } catch {
    return undefined;
  }
}

const isInTransaction = (): boolean => database?.isTransaction === true;

function begin(): void {
  const connection = opened();
  // Who waits for whom is the asker's matter, who has other things to do meanwhile.
  connection.exec('pragma busy_timeout = 0');
  try {
    connection.exec('begin immediate');
  } finally {
    connection.exec(`pragma busy_timeout = ${statementTimeout}`);
  }
  try {
    checkTerms();
  } catch (error) {
    rollBack();
    throw error;
  }
}

/** What is not begun: see {@link WriterTerms}. */
class Refusal extends Error {
  constructor(
    readonly refusal: ThreadFailure['refusal'],
    message: string,
  ) {
    super(message);
  }
}

function checkTerms(): void {
  if (!terms) return;
  const { file, log, schema } = terms;
  if (fileAt(path) !== file || (log !== undefined && fileAt(`${path}-wal`) !== log))
    throw new Refusal('moved', 'another file is in its place');
  if (!schema) return;
  const last = String(prepared(schema.query).statement.get()?.name);
  if (last > schema.last) throw new Refusal('newer', last);
}

/** As the function of that name, which cannot be imported here. */
function fileAt(file: string): string {
  const there = statSync(file, { bigint: true, throwIfNoEntry: false });
  return there ? `${there.dev}:${there.ino}` : '';
}

function rollBack(): void {
  // A full disk, among others, has undone it already.
  if (isInTransaction()) database?.exec('rollback');
}

function isAsExpected({ sql, parameters, rows }: TogetherStatement): boolean {
  const { statement, reader } = prepared(sql);
  let found = 0;
  for (const values of parameters as SQLInputValue[][])
    found += Number(reader ? statement.all(...values).length : statement.run(...values).changes);
  return found === rows;
}

/** All of them, or none. */
function together(steps: readonly TogetherStatement[]): boolean {
  const connection = opened();
  connection.exec('savepoint together');
  const undo = (): void => {
    connection.exec('rollback to together; release together');
  };
  try {
    if (steps.every(isAsExpected)) {
      connection.exec('release together');
      return true;
    }
  } catch (error) {
    // A full disk, among others, has undone all of it already.
    if (isInTransaction()) undo();
    throw error;
  }
  undo();
  return false;
}

/** As {@link together}, from the beginning of a transaction to its commit. */
function commit(steps: readonly TogetherStatement[]): boolean {
  begin();
  try {
    const isDone = steps.every(isAsExpected);
    if (isDone) opened().exec('commit');
    return isDone;
  } finally {
    // Whatever went wrong, the commit itself included: nothing stays.
    rollBack();
  }
}

function answer({
  kind,
  sql,
  parameters,
  steps = [],
  before,
}: ThreadRequest): Pick<ThreadResponse, 'rows' | 'changes' | 'logState'> {
  // Outside of a transaction each would be one of its own.
  if ((kind === 'together' || (kind === 'statement' && sql !== 'rollback')) && !isInTransaction())
    throw new Error('the transaction is over');
  for (const first of before) opened().exec(first);
  const none = { rows: [], changes: undefined };
  if (kind === 'close') {
    database?.close();
    return none;
  }
  if (kind === 'together') return { rows: [], changes: together(steps) ? steps.length : 0 };
  if (kind === 'commit') return { rows: [], changes: commit(steps) ? steps.length : 0, logState: logState() };
  if (kind === 'checkpoint') return { ...none, rows: [checkpoint('passive')] };
  if (kind === 'begin') begin();
  else if (sql === 'rollback') rollBack();
  else if (sql === 'commit') {
    opened().exec(sql);
    return { ...none, logState: logState() };
  } else {
    const { statement, reader } = prepared(sql);
    const values = parameters as SQLInputValue[];
    if (reader) return { rows: statement.all(...values), changes: undefined };
    return { rows: [], changes: statement.run(...values).changes };
  }
  return none;
}

function failureOf(error: unknown): ThreadFailure {
  const { message, errcode } = error as { readonly message?: unknown; readonly errcode?: unknown };
  const refusal = error instanceof Refusal ? error.refusal : undefined;
  return { message: String(message), errcode: typeof errcode === 'number' ? errcode : undefined, refusal };
}

parentPort?.on('message', (request: ThreadRequest) => {
  const { id, kind } = request;
  let response: ThreadResponse;
  try {
    response = { id, ...answer(request), failure: undefined };
  } catch (error) {
    response = { id, rows: [], changes: undefined, failure: failureOf(error) };
  }
  parentPort?.postMessage(response);
  if (kind === 'close') parentPort?.close();
});
