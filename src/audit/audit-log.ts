import { hash } from 'node:crypto';
import {
  auditHead,
  auditStatements,
  insertAudit,
  listAudit,
  listIssuers,
  moveAuditHead,
  runTogether,
  type AuditHead,
  type AuditRow,
  type Database,
  type Store,
  type Transaction,
  type WholeWork,
} from '../store/index.js';

/** One thing to record. */
export interface AuditEntry {
  /** The action: `certificate.issue`, `certificate.revoke`, `crl.sign`, `key.open`, `policy.change`. */
  readonly action: string;
  /** `intent` before a key is used, `result` after what it made is stored. An intent without a result is a step that failed. */
  readonly phase: 'intent' | 'result';
  /** Who asked. */
  readonly actor: string;
  readonly requestId: string;
  /** What it is about: a serial number, an issuer. */
  readonly subject: string;
  /** More, as pairs of text; never a secret. */
  readonly detail?: Readonly<Record<string, string>>;
}

/** What {@link AuditLog.verify} found: `ok` with the number of rows, or the first row that is not as it was written, and how. */
export type AuditVerdict =
  | { readonly ok: true; readonly rows: number }
  | { readonly ok: false; readonly sequence: number; readonly problem: 'changed' | 'dropped' | 'reordered' };

/** Some rows of the record, and how many there were when they were read. */
export interface AuditPage {
  readonly rows: readonly AuditRow[];
  readonly of: number;
}

const GENESIS = '0'.repeat(64);
const PAGE = 1000;
/** Before the first row, and before one that somebody put there. */
const BEGINNING = Number.MIN_SAFE_INTEGER;

/**
 * The record of what the CA did: rows that are only ever added, each with the SHA-256 of its contents and of the hash before it. It is called where keys are
 * used, so that no interface can bypass it. When it cannot be written, nothing is signed.
 */
export class AuditLog {
  readonly #store: Store;
  readonly #now: () => Date;
  #end: AuditHead | undefined;

  constructor(store: Store, now: () => Date = () => new Date()) {
    this.#store = store;
    this.#now = now;
  }

  /** Adds a row: in `transaction`, and then it counts when that commits, or in one of its own. Throws what the store throws. */
  append(entry: AuditEntry, transaction?: Transaction): Promise<void> {
    return this.appendAll([entry], transaction);
  }

  /** As {@link append}, several rows in their order. */
  async appendAll(entries: readonly AuditEntry[], transaction?: Transaction): Promise<void> {
    if (entries.length === 0) return;
    if (!transaction) return this.#store.transaction((own) => this.appendAll(entries, own));
    await this.findEnd(transaction);
    const whole = this.appending(entries);
    if (whole && (await runTogether(transaction, whole.statements))) {
      whole.written();
      return;
    }
    if (!(await this.#appendTo(await auditHead(transaction), entries, transaction)))
      throw new Error('the end of the audit record moved within a transaction');
  }

  /** Looks up where the record ends, for {@link appending}, unless this log knows where it left it. */
  async findEnd(transaction: Transaction): Promise<void> {
    this.#end ??= await auditHead(transaction);
  }

  /**
   * As {@link appendAll}, but as statements to be run together with others, for a record that still ends where this log left it; undefined when it does not
   * know where. The caller calls `written` when they were run.
   */
  appending(entries: readonly AuditEntry[]): WholeWork<void> | undefined {
    const from = this.#end;
    if (!from || entries.length === 0) return undefined;
    // Others write as well, and a transaction may be undone: when these are not written, nobody knows.
    this.#end = undefined;
    const rows = this.#rowsAfter(from, entries);
    const { sequence, hash } = rows.at(-1) ?? from;
    const to = { sequence, hash };
    return {
      statements: auditStatements(from, to, rows),
      written: () => {
        this.#end = to;
      },
    };
  }

  /** False, and nothing is written, when the record does not end at `end`. */
  async #appendTo(
    end: AuditHead | undefined,
    entries: readonly AuditEntry[],
    transaction: Transaction,
  ): Promise<boolean> {
    const rows = this.#rowsAfter(end, entries);
    const { sequence, hash } = rows.at(-1) ?? { sequence: 0, hash: GENESIS };
    if (!(await moveAuditHead(transaction, end, { sequence, hash }))) return false;
    await insertAudit(transaction, rows);
    this.#end = { sequence, hash };
    return true;
  }

  #rowsAfter(end: AuditHead | undefined, entries: readonly AuditEntry[]): AuditRow[] {
    let { sequence, hash: previous } = end ?? { sequence: 0, hash: GENESIS };
    const at = this.#now().getTime();
    return entries.map(({ action, phase, actor, requestId, subject, detail = {} }) => {
      const contents = {
        sequence: ++sequence,
        at,
        action,
        phase,
        actor,
        request_id: requestId,
        subject,
        detail: canonicalJson(detail),
        previous_hash: previous,
      };
      previous = hashOf(contents);
      return { ...contents, hash: previous };
    });
  }

  /** The rows in order, a page at a time, so that a record of any length fits. Rows that are added meanwhile are read as well. */
  async *pages(): AsyncGenerator<AuditPage> {
    const { database } = this.#store;
    for (let after = BEGINNING; ;) {
      const of = (await auditHead(database))?.sequence ?? 0;
      const rows = await listAudit(database, after, PAGE);
      if (rows.length > 0) yield { rows, of };
      if (rows.length < PAGE) return;
      after = rows.at(-1)?.sequence ?? after;
    }
  }

  /**
   * Reads the whole record in pages and compares every hash, and its end with where it should end. Rows that are added meanwhile are read as well.
   * `onProgress` hears after each page how many rows of how many were read.
   */
  async verify({
    database = this.#store.database,
    onProgress,
  }: {
    readonly database?: Database;
    readonly onProgress?: (rows: number, of: number) => void;
  } = {}): Promise<AuditVerdict> {
    let [previous, rows] = [GENESIS, 0];
    for (;;) {
      const head = await auditHead(database);
      for (let page = PAGE; page === PAGE;) {
        const read = await listAudit(database, rows || BEGINNING, PAGE);
        page = read.length;
        for (const row of read) {
          const problem = problemOf(row, rows + 1, previous);
          if (problem) return { ok: false, sequence: problem === 'dropped' ? rows + 1 : row.sequence, problem };
          previous = row.hash;
          rows++;
        }
        onProgress?.(rows, Math.max(rows, head?.sequence ?? 0));
      }
      // Somebody appended meanwhile, so the record has not been read to its end yet.
      if ((await auditHead(database))?.sequence !== head?.sequence) continue;
      if (rows < (head?.sequence ?? 0)) return { ok: false, sequence: rows + 1, problem: 'dropped' };
      if (rows > 0 && (head?.hash !== previous || head.sequence !== rows))
        return { ok: false, sequence: rows, problem: 'changed' };
      // No CA comes into a store without a row of the record: the row is there by now, or was dropped.
      if (rows > 0 || (await listIssuers(database)).length === 0) return { ok: true, rows };
      if (!(await auditHead(database))) return { ok: false, sequence: 1, problem: 'dropped' };
    }
  }
}

function problemOf(row: AuditRow, expected: number, previous: string): 'changed' | 'dropped' | 'reordered' | undefined {
  if (row.sequence > expected) return 'dropped';
  if (row.sequence < expected) return 'reordered';
  const { hash, ...contents } = row;
  // Rows whose numbers were exchanged are intact except for the number.
  if (hashOf(contents) !== hash) return contents.previous_hash === previous ? 'changed' : 'reordered';
  return contents.previous_hash === previous ? undefined : 'reordered';
}

/** The hash over the contents in the form of {@link canonicalJson}: the keys are the same in every row, and sorted here. */
function hashOf(contents: Omit<AuditRow, 'hash'>): string {
  const { action, actor, at, detail, phase, previous_hash, request_id, sequence, subject } = contents;
  const ordered = { action, actor, at, detail, phase, previous_hash, request_id, sequence, subject };
  return hash('sha256', JSON.stringify(ordered));
}

/** JSON with its keys in order and without white space (as RFC 8785 §3.2, for text). */
function canonicalJson(value: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))));
}
