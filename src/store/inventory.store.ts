import { hash } from 'node:crypto';
import { sql } from 'kysely';
import { CERTIFICATE_COLUMNS, type CertificateRow } from './certificate.store.js';
import type { CertificateStatus, Database } from './schema.js';

/** What to list. `expired` is active and past not-after; `active` is not. */
export interface CertificateFilter {
  readonly status?: CertificateStatus | 'expired' | undefined;
  readonly service?: string | undefined;
  readonly expiresBefore?: Date | undefined;
  /** The clock that tells `active` from `expired`. */
  readonly now?: Date;
  /** `next` of the page before. */
  readonly cursor?: string | undefined;
  /** 1–1000; 100 when absent. */
  readonly limit?: number | undefined;
}

/** A page, and where the next one begins; `next` is undefined on the last. */
export interface CertificatePage {
  readonly rows: readonly CertificateRow[];
  readonly next: string | undefined;
}

/** `cursor` was not made by {@link listCertificates} for this filter. */
export class CursorError extends Error {
  override readonly name = 'CursorError';
  readonly code = 'cursor_malformed';
}

/** What pages are ordered by; the serial number decides between equals. */
type Order = 'issued_at' | 'not_after';

interface Place {
  readonly at: number;
  readonly serial: string;
}

/** A filter as one index serves it: `since` and `before` bound not-after, `before` excluded. */
interface Part {
  readonly status: CertificateStatus | undefined;
  readonly service: string | undefined;
  readonly since: number | undefined;
  readonly before: number | undefined;
}

const MAX_LIMIT = 1000;

/**
 * A page of certificates: newest first, or, where the end of their validity is asked about (`expiresBefore`, status `active` and `expired`), the
 * latest end first. Throws {@link CursorError}, and RangeError when `limit` is not a whole number from 1 to 1000.
 */
export async function listCertificates(database: Database, filter: CertificateFilter = {}): Promise<CertificatePage> {
  const { cursor, limit = 100 } = filter;
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT)
    throw new RangeError(`limit is a whole number from 1 to ${MAX_LIMIT}`);
  const order = orderOf(filter);
  const after = cursor === undefined ? undefined : decodeCursor(cursor, filter);
  const lists: CertificateRow[][] = [];
  for (const part of partsOf(filter)) {
    // What comes behind a whole page cannot be on it.
    const until = lists[0]?.[limit];
    lists.push(await rowsOf(database, part, { order, after, until: until && placeOf(until, order), limit: limit + 1 }));
  }
  const rows =
    lists.length === 1 ? (lists[0] ?? []) : lists.flat().sort((a, b) => compare(placeOf(b, order), placeOf(a, order)));
  const page = rows.slice(0, limit);
  const last = rows.length > limit ? page.at(-1) : undefined;
  return { rows: page, next: last && encodeCursor(placeOf(last, order), filter) };
}

/** How many certificates a filter finds, all pages together: each is counted in its index. */
export async function countCertificates(database: Database, filter: CertificateFilter = {}): Promise<number> {
  let count = 0;
  for (const part of partsOf(filter)) {
    const row = await selected(database, part)
      .select((select) => select.fn.countAll().as('rows'))
      .executeTakeFirst();
    count += Number(row?.rows ?? 0);
  }
  return count;
}

const orderOf = ({ status, expiresBefore }: CertificateFilter): Order =>
  expiresBefore !== undefined || status === 'active' || status === 'expired' ? 'not_after' : 'issued_at';

/** The indexes by end are one for each status: whoever asks for the end of any gets both, merged. */
function partsOf({ status, service, expiresBefore, now = new Date() }: CertificateFilter): readonly Part[] {
  const [end, time] = [expiresBefore?.getTime(), now.getTime()];
  const part = { status: undefined, service, since: undefined, before: end };
  switch (status) {
    case 'revoked':
      return [{ ...part, status }];
    case 'active':
      return [{ ...part, status, since: time }];
    case 'expired':
      return [{ ...part, status: 'active', before: Math.min(time, end ?? time) }];
    case undefined:
      return end === undefined ? [part] : (['active', 'revoked'] as const).map((each) => ({ ...part, status: each }));
  }
}

function selected(database: Database, { status, service, since, before }: Part) {
  let query = database.selectFrom('certificate');
  // Written out, not a parameter: only so are the partial indexes used.
  if (status !== undefined) query = query.where('status', '=', sql.lit(status));
  if (service !== undefined) query = query.where('service', '=', service);
  if (since !== undefined) query = query.where('not_after', '>=', since);
  if (before !== undefined) query = query.where('not_after', '<', before);
  return query;
}

function rowsOf(
  database: Database,
  part: Part,
  {
    order,
    after,
    until,
    limit,
  }: {
    readonly order: Order;
    readonly after: Place | undefined;
    readonly until: Place | undefined;
    readonly limit: number;
  },
): Promise<CertificateRow[]> {
  // One upper bound: with two, an index may begin at the higher one and pass over all between.
  const isBelow = after !== undefined && order === 'not_after' && after.at < (part.before ?? Infinity);
  const follows = after !== undefined && (order === 'issued_at' || isBelow);
  let query = selected(database, isBelow ? { ...part, before: undefined } : part);
  if (follows) query = query.where(sql<boolean>`(${sql.ref(order)}, serial) < (${after.at}, ${after.serial})`);
  if (until) query = query.where(sql<boolean>`(${sql.ref(order)}, serial) > (${until.at}, ${until.serial})`);
  return query.select(CERTIFICATE_COLUMNS).orderBy(order, 'desc').orderBy('serial', 'desc').limit(limit).execute();
}

const placeOf = (row: CertificateRow, order: Order): Place => ({ at: row[order], serial: row.serial });

const compare = (a: Place, b: Place): number => a.at - b.at || (a.serial < b.serial ? -1 : Number(a.serial > b.serial));

/** `next` of a page of `filter` that ends with `place`. */
export const encodeCursor = ({ at, serial }: Place, filter: CertificateFilter): string =>
  Buffer.from(`${digestOf(filter)}:${at}:${serial}`).toString('base64url');

function decodeCursor(cursor: string, filter: CertificateFilter): Place {
  const [, digest, at, serial] =
    /^([\w-]{16}):(\d{1,15}):([0-9a-f]{1,40})$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  if (cursor.length > 100 || digest !== digestOf(filter) || at === undefined || serial === undefined)
    throw new CursorError('the cursor was not made here, or for another filter');
  return { at: Number(at), serial };
}

/** A place in one list is none in another: what comes before it there would be passed over. */
const digestOf = ({ status, service, expiresBefore }: CertificateFilter): string =>
  hash('sha256', JSON.stringify([status, service, expiresBefore]), 'base64url').slice(0, 16);
