import { certificateRecord, type CertificateRecord } from '../pki/index.js';
import { countCertificates, listCertificates, type CertificateFilter, type Store } from '../store/index.js';
import { CommandError } from './command-error.js';
import { csvLine } from './csv.js';
import { ExitCode } from './exit-code.js';
import { describeTable, plain } from './output.js';
import { withStore, type Session } from './session.js';

const PAGE = 1000;

/** The flags of `veritas list`. */
export interface ListOptions {
  readonly status?: 'active' | 'expired' | 'revoked';
  readonly service?: string;
  readonly expiresBefore?: Date;
  readonly limit?: number;
  readonly csv?: boolean;
}

/** How a list is written: its beginning, each page (`isFirst`: nothing was before it), and its end. */
interface ListWriter {
  readonly begin: string;
  readonly page: (records: readonly CertificateRecord[], isFirst: boolean) => string;
  readonly end: (isEmpty: boolean) => string;
}

/** `veritas list`: what was issued, page by page as the reader takes it, so that any number of rows needs the same memory. */
export async function list(session: Session, options: ListOptions): Promise<void> {
  const { output } = session;
  const { limit = Number.POSITIVE_INFINITY, csv = false, ...filter } = options;
  if (csv && output.isJson)
    throw new CommandError('--json and --csv cannot be used together', ExitCode.usage, 'use one of them');
  await withStore(session, async (store) => {
    const now = session.now();
    const writer = output.isJson ? jsonWriter : csv ? csvWriter : tableWriter;
    const bar = output.progressBar('Certificates', { isBetweenPieces: true });
    const wanted = { ...filter, now };
    const of = bar.isShown ? Math.min(limit, await countCertificates(store.database, wanted)) : 0;
    let written = 0;
    try {
      await output.piece(writer.begin);
      for await (const rows of pagesOf(store, wanted, limit)) {
        const records = rows.map((row) => certificateRecord(row, now));
        await output.piece(writer.page(records, written === 0));
        written += rows.length;
        bar.update(written, of);
      }
      await output.piece(writer.end(written === 0));
    } finally {
      bar.end();
    }
    if (written === 0) output.progress('No certificate fits.');
  });
}

async function* pagesOf(store: Store, filter: CertificateFilter, limit: number) {
  let cursor: string | undefined;
  let left = limit;
  do {
    const { rows, next } = await listCertificates(store.database, { ...filter, cursor, limit: Math.min(PAGE, left) });
    if (rows.length > 0) yield rows;
    left -= rows.length;
    cursor = next;
  } while (cursor !== undefined && left > 0);
}

/** One document, an array, as if it were written at once. */
const jsonWriter: ListWriter = {
  begin: '[',
  page: (records, isFirst) =>
    records
      .map(
        (record, index) => `${isFirst && index === 0 ? '' : ','}\n  ${indented(JSON.stringify(record, undefined, 2))}`,
      )
      .join(''),
  end: (isEmpty) => (isEmpty ? ']\n' : '\n]\n'),
};

const indented = (text: string): string => text.replaceAll('\n', '\n  ');

const CSV_COLUMNS = [
  'serial_number',
  'issuer',
  'profile',
  'service',
  'subject',
  'status',
  'not_before',
  'not_after',
  'issued_at',
  'requester',
  'revoked_at',
  'revocation_reason',
  'invalidity_date',
  'fingerprint_sha256',
] as const satisfies readonly (keyof CertificateRecord)[];

/** RFC 4180; an absent value is an empty cell. */
const csvWriter: ListWriter = {
  begin: csvLine(CSV_COLUMNS),
  page: (records) =>
    records.map((record) => csvLine(CSV_COLUMNS.map((column) => plain(record[column] ?? '')))).join(''),
  end: () => '',
};

const HEADER = ['SERIAL NUMBER', 'SERVICE', 'PROFILE', 'STATUS', 'VALID UNTIL', 'SUBJECT'];

/** Each page is as wide as its own widest cells, so that a long list need not be read twice. */
const tableWriter: ListWriter = {
  begin: '',
  page: (records, isFirst) => {
    const cells = records.map((record) => [
      record.serial_number,
      record.service ?? '-',
      record.profile,
      record.status,
      record.not_after,
      record.subject,
    ]);
    const table = describeTable(HEADER, cells);
    return `${isFirst ? table : table.slice(table.indexOf('\n') + 1)}\n`;
  },
  end: (isEmpty) => (isEmpty ? `${HEADER.join('  ')}\n` : ''),
};
