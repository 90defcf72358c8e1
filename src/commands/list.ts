import { certificateRecord } from '../pki/index.js';
import { listCertificates, type CertificateFilter, type CertificateRow, type Store } from '../store/index.js';
import { describeTable } from './output.js';
import { withStore, type Session } from './session.js';

const PAGE = 1000;

/** The flags of `veritas list`. */
export interface ListOptions {
  readonly status?: 'active' | 'expired' | 'revoked';
  readonly service?: string;
  readonly expiresBefore?: Date;
  readonly limit?: number;
}

/** `veritas list`: what was issued, newest first. */
export async function list(session: Session, options: ListOptions): Promise<void> {
  await withStore(session, async (store) => {
    const now = session.now();
    const { limit = Number.POSITIVE_INFINITY, ...filter } = options;
    const rows = await collect(store, { ...filter, now }, limit);
    const records = rows.map((row) => certificateRecord(row, now));
    const header = ['SERIAL NUMBER', 'SERVICE', 'PROFILE', 'STATUS', 'VALID UNTIL', 'SUBJECT'];
    const cells = records.map((record) => [
      record.serial_number,
      record.service ?? '-',
      record.profile,
      record.status,
      record.not_after,
      record.subject,
    ]);
    session.output.result(records, describeTable(header, cells));
    if (rows.length === 0) session.output.progress('No certificate fits.');
  });
}

async function collect(store: Store, filter: CertificateFilter, limit: number): Promise<CertificateRow[]> {
  const rows: CertificateRow[] = [];
  let cursor: string | undefined;
  do {
    const page = await listCertificates(store.database, {
      ...filter,
      cursor,
      limit: Math.min(PAGE, limit - rows.length),
    });
    rows.push(...page.rows);
    cursor = page.next;
  } while (cursor !== undefined && rows.length < limit);
  return rows;
}
