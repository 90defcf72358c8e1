import { listCertificates, type CertificateFilter, type CertificateRow, type Store } from '../store/index.js';
import { rowToJson, statusOfRow } from './certificate-description.js';
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
    const header = ['SERIAL NUMBER', 'SERVICE', 'PROFILE', 'STATUS', 'VALID UNTIL', 'SUBJECT'];
    const cells = rows.map((row) => [
      row.serial,
      row.service ?? '-',
      row.profile,
      statusOfRow(row, now),
      new Date(row.not_after).toISOString(),
      row.subject,
    ]);
    session.output.result(
      rows.map((row) => rowToJson(row, now)),
      describeTable(header, cells),
    );
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
