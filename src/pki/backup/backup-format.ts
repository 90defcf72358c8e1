import { PkiError } from '../pki-error.js';
import type { TableShape, TableValue } from '../../store/index.js';

/*
 * A backup, once decrypted, is lines of JSON (RFC 8259), each ended by a line feed:
 *   the manifest, an object;
 *   each key file, {"file":"issuing_ca.key.pem","contents":"-----BEGIN ENCRYPTED PRIVATE KEY-----…"};
 *   each row, ["certificate","3f0a…",…]: its table, then its values in the order of the manifest's columns, octets in base64;
 *   the end, {"end":{"lines":…,"sha256":…}}: how many lines came before, and the digest of all their octets.
 */

/** The version of the format. A reader refuses any other. */
export const BACKUP_FORMAT = 1;
/** A CRL of 256 MiB in base64 is the longest. */
const MAX_LINE_OCTETS = 384 * 1024 * 1024;
const MAX_MANIFEST_OCTETS = 1024 * 1024;

/** A table in a backup, and how many of its rows. */
export interface BackupTable extends TableShape {
  readonly rows: number;
}

/** What a backup says of itself. */
export interface BackupManifest {
  readonly veritas_backup: typeof BACKUP_FORMAT;
  /** The last migration that the store had seen. */
  readonly schema: string;
  /** ISO 8601. */
  readonly created_at: string;
  /** Whether the keys of the CA are in it, or were on a PKCS#11 token. */
  readonly keys: 'files' | 'token';
  /** The number of each issuer's last CRL. */
  readonly crl_numbers: Readonly<Record<string, number>>;
  readonly audit_head: { readonly sequence: number; readonly hash: string };
  readonly tables: readonly BackupTable[];
}

/** A key file of the CA: encrypted PKCS#8, or a certification request that waits for its answer. */
export interface BackupFile {
  readonly file: string;
  readonly contents: string;
}

/** Rows of a table, each row's values in the order of its columns. */
export type BackupRows = readonly (readonly TableValue[])[];

/** What follows the manifest: a file, or some rows of a table. */
export type BackupPart =
  | ({ readonly kind: 'file' } & BackupFile)
  | { readonly kind: 'rows'; readonly table: BackupTable; readonly rows: BackupRows };

/** The files of a CA's keys that are in a backup: nothing else is written anywhere by a restore. */
export const KEY_FILE = /^(?:root|issuing)(?:-[1-9]\d{0,5})?_ca\.(?:key|csr)\.pem$/;

/** A line of a row. */
export function encodeRow({ name }: TableShape, row: readonly TableValue[]): string {
  const values = row.map((value) => (value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value));
  return `${JSON.stringify([name, ...values])}\n`;
}

/** Reads the first line. Throws PkiError `backup_unreadable`, and `backup_too_new` for another version of the format. */
export function decodeManifest(line: Buffer): BackupManifest {
  if (line.length > MAX_MANIFEST_OCTETS) unreadable('its first line is too long');
  const manifest = parsed(line, 1);
  if (!isObject(manifest) || typeof manifest.veritas_backup !== 'number') unreadable('it is no backup of this program');
  if (manifest.veritas_backup !== BACKUP_FORMAT)
    throw new PkiError('backup_too_new', `the backup is of format ${manifest.veritas_backup}`);
  if (!isManifest(manifest)) unreadable('its manifest is not in order');
  return manifest;
}

/** Reads a line after the first. Throws PkiError `backup_unreadable`. */
export function decodeLine(
  line: Buffer,
  number: number,
  tables: ReadonlyMap<string, BackupTable>,
): BackupFile | { readonly table: BackupTable; readonly row: readonly TableValue[] } | { readonly end: unknown } {
  const value = parsed(line, number);
  if (Array.isArray(value)) {
    const [name, ...values] = value as unknown[];
    const table = tables.get(String(name));
    if (table?.columns.length !== values.length) unreadable(`line ${number} fits no table`);
    return { table, row: values.map((each, index) => decodeValue(each, table.columns[index] ?? '', table, number)) };
  }
  if (isObject(value) && 'end' in value) return { end: value.end };
  if (!isObject(value) || typeof value.file !== 'string' || typeof value.contents !== 'string')
    unreadable(`line ${number} is neither a row nor a file`);
  if (!KEY_FILE.test(value.file)) unreadable(`line ${number} is a file that is none of a CA's`);
  return { file: value.file, contents: value.contents };
}

function decodeValue(value: unknown, column: string, { octets }: TableShape, line: number): TableValue {
  if (value === null || Number.isSafeInteger(value)) return value as null | number;
  if (typeof value !== 'string') unreadable(`line ${line} holds what no column does`);
  if (!octets.includes(column)) return value;
  const decoded = Buffer.from(value, 'base64');
  if (decoded.toString('base64') !== value) unreadable(`line ${line} is not base64 where it should be`);
  return decoded;
}

/** The lines of a stream of octets, without their ends. Throws PkiError `backup_unreadable` for what comes after the last line feed. */
export async function* linesOf(octets: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let pending: Buffer[] = [];
  let length = 0;
  for await (const chunk of octets) {
    const piece = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let from = 0;
    for (let to = piece.indexOf(10); to >= 0; to = piece.indexOf(10, from)) {
      pending.push(piece.subarray(from, to));
      yield pending.length === 1 ? piece.subarray(from, to) : Buffer.concat(pending);
      [pending, length] = [[], 0];
      from = to + 1;
    }
    if (from === piece.length) continue;
    pending.push(piece.subarray(from));
    length += piece.length - from;
    if (length > MAX_LINE_OCTETS) unreadable('a line is too long');
  }
  if (pending.length > 0) unreadable('it ends amid a line');
}

function parsed(line: Buffer, number: number): unknown {
  try {
    return JSON.parse(line.toString('utf8'));
  } catch {
    // The error would quote the line.
    return unreadable(`line ${number} is not JSON`);
  }
}

function isManifest(
  value: Readonly<Record<string, unknown>>,
): value is Readonly<Record<string, unknown>> & BackupManifest {
  const { schema, created_at: createdAt, keys, crl_numbers: numbers, audit_head: head, tables } = value;
  return (
    typeof schema === 'string' &&
    typeof createdAt === 'string' &&
    !Number.isNaN(Date.parse(createdAt)) &&
    (keys === 'files' || keys === 'token') &&
    isObject(numbers) &&
    Object.values(numbers).every(Number.isSafeInteger) &&
    isObject(head) &&
    Number.isSafeInteger(head.sequence) &&
    typeof head.hash === 'string' &&
    Array.isArray(tables) &&
    tables.every(isTable)
  );
}

const isTable = (value: unknown): value is BackupTable =>
  isObject(value) &&
  typeof value.name === 'string' &&
  Number.isSafeInteger(value.rows) &&
  [value.columns, value.octets].every(
    (names) => Array.isArray(names) && names.every((name) => typeof name === 'string'),
  );

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Throws PkiError `backup_unreadable`. */
export function unreadable(why: string, cause?: unknown): never {
  throw new PkiError('backup_unreadable', `the backup cannot be read: ${why}`, { cause });
}
