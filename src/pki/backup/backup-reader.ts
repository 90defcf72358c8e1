import { createHash } from 'node:crypto';
import {
  decodeLine,
  decodeManifest,
  linesOf,
  unreadable,
  type BackupManifest,
  type BackupPart,
} from './backup-format.js';
import type { TableValue } from '../../store/index.js';

const ROWS_TOGETHER = 500;
/** Rows that hold CRLs are large, so a batch of them is limited by size. */
const OCTETS_TOGETHER = 8 * 1024 * 1024;
/** Well above what any CA has: a key and a request file for its root and each of its issuing CAs. */
const MOST_FILES = 1000;

/** Reads a backup: the manifest when opened, the rest in order and only once. */
export class BackupReader {
  readonly manifest: BackupManifest;
  readonly #lines: AsyncGenerator<Buffer>;
  readonly #digest = createHash('sha256');

  private constructor(manifest: BackupManifest, first: Buffer, lines: AsyncGenerator<Buffer>) {
    this.manifest = manifest;
    this.#lines = lines;
    this.#count(first);
  }

  /** Reads the manifest from decrypted octets. Throws PkiError `backup_unreadable` or `backup_too_new`, and what the stream throws. */
  static async open(octets: AsyncIterable<Uint8Array>): Promise<BackupReader> {
    const lines = linesOf(octets);
    const first = await lines.next();
    if (first.done) unreadable('it is empty');
    return new BackupReader(decodeManifest(first.value), first.value, lines);
  }

  /**
   * Yields the files, then the rows in batches of up to 500 rows or about 8 MiB. When it returns, the backup was complete: its end, its digest and
   * the number of rows of each table were correct. Throws PkiError `backup_unreadable` otherwise: discard what was yielded before.
   */
  async *parts(): AsyncGenerator<BackupPart> {
    const tables = new Map(this.manifest.tables.map((table) => [table.name, table]));
    const seen = new Map<string, number>();
    let [rows, of, number, files] = [[] as (readonly TableValue[])[], this.manifest.tables[0], 1, 0];
    let [isEnded, octets] = [false, 0];
    for await (const line of this.#lines) {
      if (isEnded) unreadable('something follows its end');
      const read = decodeLine(line, ++number, tables);
      if ('end' in read) {
        this.#checkEnd(read.end, number - 1);
        isEnded = true;
        continue;
      }
      this.#count(line);
      if ('file' in read) {
        if (++files > MOST_FILES) unreadable('it holds too many files');
        yield { kind: 'file', ...read };
        continue;
      }
      const isFull = rows.length === ROWS_TOGETHER || octets > OCTETS_TOGETHER;
      if (of && rows.length > 0 && (read.table !== of || isFull)) {
        yield { kind: 'rows', table: of, rows };
        [rows, octets] = [[], 0];
      }
      of = read.table;
      rows.push(read.row);
      octets += line.length;
      seen.set(of.name, (seen.get(of.name) ?? 0) + 1);
    }
    if (!isEnded) unreadable('its end is missing');
    if (of && rows.length > 0) yield { kind: 'rows', table: of, rows };
    const short = this.manifest.tables.find(({ name, rows: wanted }) => (seen.get(name) ?? 0) !== wanted);
    if (short) unreadable(`the table ${short.name} has not as many rows as its manifest says`);
  }

  #count(line: Buffer): void {
    this.#digest.update(line).update('\n');
  }

  #checkEnd(end: unknown, lines: number): void {
    const wanted = JSON.stringify({ lines, sha256: this.#digest.digest('hex') });
    if (JSON.stringify(end) !== wanted) unreadable('its digest or its number of lines is wrong');
  }
}
