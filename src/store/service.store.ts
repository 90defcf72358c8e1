import { sql, type Selectable } from 'kysely';
import type { Database, ServiceChangeTable, ServiceShadowTable, Transaction } from './schema.js';

/** One change of what a service may. */
export type ServiceChangeRow = Readonly<Selectable<ServiceChangeTable>>;
/** How often a service would have been refused on a route, and by which code. */
export type ShadowCountRow = Readonly<Selectable<ServiceShadowTable>>;

const COLUMNS = [
  'sequence',
  'name',
  'version',
  'state',
  'tries',
  'roles',
  'valid_from',
  'valid_until',
  'pins',
  'rate',
  'burst',
  'note',
  'author',
  'request_id',
  'changed_at',
] as const;
const SHADOW_COLUMNS = ['service', 'method', 'route', 'code', 'reason', 'calls', 'first_at', 'last_at'] as const;

/** The place of the last change of any service; 0 when there was none. */
export async function lastServiceSequence(database: Database): Promise<number> {
  const row = await database
    .selectFrom('service_change')
    .select((select) => select.fn.max('sequence').as('last'))
    .executeTakeFirst();
  return row?.last ?? 0;
}

/** The last change of each name that was changed after a place in the order, in that order. */
export function listServiceChanges(
  database: Database,
  { after, limit }: { readonly after: number; readonly limit: number },
): Promise<ServiceChangeRow[]> {
  return database
    .selectFrom('service_change as change')
    .select(COLUMNS)
    .where('sequence', '>', after)
    .where((where) =>
      where.not(
        where.exists(
          where
            .selectFrom('service_change as later')
            .select('later.sequence')
            .whereRef('later.name', '=', 'change.name')
            .whereRef('later.version', '=', sql<number>`change.version + 1`),
        ),
      ),
    )
    .orderBy('sequence')
    .limit(limit)
    .execute();
}

/** The last change of a name; undefined when there was none. */
export async function findServiceChange(database: Database, name: string): Promise<ServiceChangeRow | undefined> {
  const [row] = await serviceHistory(database, name, { limit: 1 });
  return row;
}

/** The changes of a name, the last first; those before a version, when that is given. */
export function serviceHistory(
  database: Database,
  name: string,
  { before, limit }: { readonly before?: number | undefined; readonly limit: number },
): Promise<ServiceChangeRow[]> {
  let query = database.selectFrom('service_change').select(COLUMNS).where('name', '=', name);
  if (before !== undefined) query = query.where('version', '<', before);
  return query.orderBy('version', 'desc').limit(limit).execute();
}

/** Adds a change, at the next place in the order. */
export async function insertServiceChange(
  transaction: Transaction,
  row: Omit<ServiceChangeRow, 'sequence'>,
): Promise<void> {
  await transaction
    .insertInto('service_change')
    .values({ ...row, sequence: (await lastServiceSequence(transaction)) + 1 })
    .execute();
}

// A CA can make any number of services.
const MOST_SHADOWED = 10_000;

/**
 * Adds calls to the earlier counts. Before that it deletes rows that were not seen since `forgetBefore`, and when there are more than ten thousand, those
 * that were seen longest ago.
 */
export async function addShadowCounts(
  transaction: Transaction,
  rows: readonly ShadowCountRow[],
  forgetBefore: Date,
): Promise<void> {
  const tooMany = transaction
    .selectFrom('service_shadow')
    .select('last_at')
    .orderBy('last_at', 'desc')
    .offset(MOST_SHADOWED)
    .limit(1);
  await transaction
    .deleteFrom('service_shadow')
    .where((row) => row.or([row('last_at', '<', forgetBefore.getTime()), row('last_at', '<=', tooMany)]))
    .execute();
  for (const row of rows)
    await transaction
      .insertInto('service_shadow')
      .values(row)
      .onConflict((conflict) =>
        conflict.columns(['service', 'method', 'route', 'code']).doUpdateSet({
          reason: row.reason,
          calls: sql<number>`service_shadow.calls + ${row.calls}`,
          last_at: row.last_at,
        }),
      )
      .execute();
}

/** What would have been refused, the latest first. */
export function listShadowCounts(database: Database, limit: number): Promise<ShadowCountRow[]> {
  return database.selectFrom('service_shadow').select(SHADOW_COLUMNS).orderBy('last_at', 'desc').limit(limit).execute();
}
