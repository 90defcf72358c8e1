import { PkiError } from '../pki-error.js';
import type { TableShape, TableValue } from '../../store/index.js';

/*
 * Format of a decrypted backup: lines of JSON (RFC 8259), each ended by a line feed.
 * 1. The manifest, an object.
 * 2. One line for each key file: {"file":"issuing_ca.key.pem","contents":"-----BEGIN ENCRYPTED PRIVATE KEY-----…"}
 * 3. One line for each row: ["certificate","3f0a…",…], its table, then its values in the order of the manifest's columns, octets in base64.
 * 4. The end: {"end":{"lines":…,"sha256":…}}, the number of lines before it and the SHA-256 of their octets.
 */

/** The version of the format. A reader refuses any other version. */
export const BACKUP_FORMAT = 1;
/** The longest line holds a CRL of 256 MiB in base64. */
const MAX_LINE_OCTETS = 384 * 1024 * 1024;
const MAX_MANIFEST_OCTETS = 1024 * 1024;

/** A table of the store, and the number of its rows in the backup. */
export interface BackupTable extends TableShape {
  readonly rows: number;
}

/** The first line of a backup: what the backup contains. */
export interface BackupManifest {
  readonly veritas_backup: typeof BACKUP_FORMAT;
  /** The name of the last migration applied to the store. */
  readonly schema: string;
  /** When the backup was made, ISO 8601. */
  readonly created_at: string;
  /** `files`: the CA's encrypted keys are in the backup. `token`: they were on a PKCS#11 token and are not. */
  readonly keys: 'files' | 'token';
  /** The number of the last complete CRL of each issuer, by the issuer's id. */
  readonly crl_numbers: Readonly<Record<string, number>>;
  readonly audit_head: { readonly sequence: number; readonly hash: string };
  readonly tables: readonly BackupTable[];
}

/** A file of the CA's key folder: an encrypted PKCS#8 key, or a certification request whose certificate has not arrived yet. */
export interface BackupFile {
  readonly file: string;
  readonly contents: string;
}

/** Rows of one table; the values of a row are in the order of the table's columns. */
export type BackupRows = readonly (readonly TableValue[])[];

/** A part of the backup after the manifest: a file, or some rows of one table. */
export type BackupPart =
  | ({ readonly kind: 'file' } & BackupFile)
  | { readonly kind: 'rows'; readonly table: BackupTable; readonly rows: BackupRows };

/** The names of the files that a backup may contain. A restore writes no file with any other name. */
export const KEY_FILE = /^(?:root|issuing)(?:-[1-9]\d{0,5})?_ca\.(?:key|csr)\.pem$/;

/** Encodes a row as a line, with its line feed. */
export function encodeRow({ name }: TableShape, row: readonly TableValue[]): string {
  const values = row.map((value) => (value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value));
  return `${JSON.stringify([name, ...values])}\n`;
}

/** Decodes the first line. Throws PkiError `backup_unreadable`, and `backup_too_new` when the version of the format is not {@link BACKUP_FORMAT}. */
export function decodeManifest(line: Buffer): BackupManifest {
  if (line.length > MAX_MANIFEST_OCTETS) unreadable('its first line is too long');
  const manifest = parsed(line, 1);
  if (!isObject(manifest) || typeof manifest.veritas_backup !== 'number')
    unreadable('it is not a backup of this program');
  if (manifest.veritas_backup !== BACKUP_FORMAT)
    throw new PkiError('backup_too_new', `the backup is of format ${manifest.veritas_backup}`);
  if (!isManifest(manifest)) unreadable('its manifest is not valid');
  return manifest;
}

/** Decodes a line after the first, whose number is `number`. Throws PkiError `backup_unreadable`. */
export function decodeLine(
  line: Buffer,
  number: number,
  tables: ReadonlyMap<string, BackupTable>,
): BackupFile | { readonly table: BackupTable; readonly row: readonly TableValue[] } | { readonly end: unknown } {
  const value = parsed(line, number);
  if (Array.isArray(value)) {
    const [name, ...values] = value as unknown[];
    const table = tables.get(String(name));
    if (table?.columns.length !== values.length) unreadable(`line ${number} does not match the columns of any table`);
    return { table, row: values.map((each, index) => decodeValue(each, table.columns[index] ?? '', table, number)) };
  }
  if (isObject(value) && 'end' in value) return { end: value.end };
  if (!isObject(value) || typeof value.file !== 'string' || typeof value.contents !== 'string')
    unreadable(`line ${number} is neither a row nor a file`);
  if (!KEY_FILE.test(value.file)) unreadable(`line ${number} is a file that a backup may not contain`);
  return { file: value.file, contents: value.contents };
}

function decodeValue(value: unknown, column: string, { octets }: TableShape, line: number): TableValue {
  if (value === null || Number.isSafeInteger(value)) return value as null | number;
  if (typeof value !== 'string') unreadable(`line ${line} holds a value that is not text, an integer or null`);
  if (!octets.includes(column)) return value;
  const decoded = Buffer.from(value, 'base64');
  if (decoded.toString('base64') !== value) unreadable(`line ${line} is not base64 where it should be`);
  return decoded;
}

/**
 * Splits a stream into lines without their line feeds. Throws PkiError `backup_unreadable` when a line is too long or the last one has no line feed.
 */
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
  if (pending.length > 0) unreadable('it ends in the middle of a line');
}

function parsed(line: Buffer, number: number): unknown {
  try {
    return JSON.parse(line.toString('utf8'));
  } catch {
    // The JSON error is dropped because it quotes the line.
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
