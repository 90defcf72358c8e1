import type { AuditRow } from '../store/index.js';
import { csvCell } from './csv.js';

/** The formats in which the audit record can be exported. */
export const AUDIT_FORMATS = ['json', 'csv', 'cef'] as const;
export type AuditFormat = (typeof AUDIT_FORMATS)[number];

/** How a format begins, and how it writes a row: always as exactly one line with its line end, whatever text the row holds. */
export interface AuditWriter {
  readonly header: string;
  readonly line: (row: AuditRow) => string;
}

/** The writer of a format. `version` is the version of this product, which CEF asks for. */
export function auditWriter(format: AuditFormat, version: string): AuditWriter {
  switch (format) {
    case 'json':
      return { header: '', line: jsonLine };
    case 'csv':
      return { header: `${CSV_COLUMNS.join(',')}\r\n`, line: csvLine };
    case 'cef':
      return { header: '', line: (row) => cefLine(row, version) };
  }
}

const CSV_COLUMNS = [
  'sequence',
  'at',
  'action',
  'phase',
  'actor',
  'request_id',
  'subject',
  'detail',
  'previous_hash',
  'hash',
] as const satisfies readonly (keyof AuditRow)[];

function jsonLine(row: AuditRow): string {
  return `${safeJson({ ...row, at: timeOf(row), detail: detailOf(row) })}\n`;
}

function csvLine(row: AuditRow): string {
  const cells: Record<keyof AuditRow, string> = {
    ...row,
    sequence: String(row.sequence),
    at: timeOf(row),
    action: escaped(row.action),
    actor: escaped(row.actor),
    request_id: escaped(row.request_id),
    subject: escaped(row.subject),
    detail: safeJson(detailOf(row)),
    phase: escaped(row.phase),
    previous_hash: escaped(row.previous_hash),
    hash: escaped(row.hash),
  };
  return `${CSV_COLUMNS.map((column) => csvCell(cells[column], String(row[column]))).join(',')}\r\n`;
}

/** ArcSight's Common Event Format: a header between bars, followed by pairs. */
function cefLine(row: AuditRow, version: string): string {
  const header = ['CEF:0', 'Veritas', 'Veritas', version, row.action, `${row.action} ${row.phase}`, '3'];
  const pairs: readonly (readonly [string, string])[] = [
    // Milliseconds, because none of the date formats that CEF knows is ISO 8601.
    ['rt', String(row.at)],
    ['externalId', String(row.sequence)],
    ['act', row.action],
    ['suser', row.actor],
    ['cs1Label', 'phase'],
    ['cs1', row.phase],
    ['cs2Label', 'request_id'],
    ['cs2', row.request_id],
    ['cs3Label', 'subject'],
    ['cs3', row.subject],
    ['cs4Label', 'detail'],
    ['cs4', safeJson(detailOf(row))],
    ['cs5Label', 'previous_hash'],
    ['cs5', row.previous_hash],
    ['cs6Label', 'hash'],
    ['cs6', row.hash],
  ];
  const start = header.map((text) => escaped(text).replaceAll('|', '\\|')).join('|');
  return `${start}|${pairs.map(([key, text]) => `${key}=${escaped(text).replaceAll('=', '\\=')}`).join(' ')}\n`;
}

/** A row's time in ISO 8601. A value that is no time, which somebody may have written past this program, is given as it is. */
function timeOf({ at }: AuditRow): string {
  const time = new Date(at);
  return Number.isNaN(time.getTime()) ? escaped(String(at)) : time.toISOString();
}

function detailOf({ detail }: AuditRow): unknown {
  try {
    return JSON.parse(detail) as unknown;
  } catch {
    return detail;
  }
}

// Control characters, line separators, and characters that are invisible or turn text around; also surrogates without their other half, which would
// become question marks in UTF-8.
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

const codeUnits = (text: string): string =>
  Array.from({ length: text.length }, (_, i) => `\\u${text.charCodeAt(i).toString(16).padStart(4, '0')}`).join('');

/** JSON on one line, in which every unsafe character has JSON's own escape: it reads back as the same value. */
const safeJson = (value: unknown): string => JSON.stringify(value).replace(UNSAFE, codeUnits);

/** Text on one line, with unsafe characters as \uXXXX and each backslash doubled, so that it can be read back. */
const escaped = (text: string): string => text.replaceAll('\\', '\\\\').replace(UNSAFE, codeUnits);
