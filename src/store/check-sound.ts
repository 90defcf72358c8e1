import { SqliteAdapter, sql } from 'kysely';
import type { Database } from './schema.js';
import { corruptError } from './sqlite-error.js';

/**
 * Looks through all of a SQLite file, two seconds for a million certificates in memory: an index that lost entries would leave revocations out without any error.
 * PostgreSQL looks after its own. Throws {@link StoreError} `store_corrupt`.
 */
export async function checkSound(database: Database, store: string): Promise<void> {
  if (!(database.getExecutor().adapter instanceof SqliteAdapter)) return;
  const { rows } = await sql<{ quick_check: string }>`pragma quick_check(1)`.execute(database);
  if (rows[0]?.quick_check !== 'ok') throw corruptError(store, rows[0]?.quick_check);
  const short = await shortIndex(database);
  if (short !== undefined) throw corruptError(store, `wrong # of entries in index ${short}`);
}

/** An index of some rows (`create index … where …`) that has not as many entries as there are such rows: `quick_check` counts only those of all rows. */
async function shortIndex(database: Database): Promise<string | undefined> {
  const { rows } = await sql<{ name: string; table: string; sql: string }>`
    select name, tbl_name as "table", sql from sqlite_schema where type = 'index' and sql like '%) where %'`.execute(
    database,
  );
  // Each table is read once.
  for (const [table, indexes = []] of Object.entries(Object.groupBy(rows, (row) => row.table))) {
    const lacking = indexes.map(({ name, sql: statement }) => {
      const condition = sql.raw(statement.replace(/^.*?\)\s+where\s/is, ''));
      return sql`count(*) filter (where ${condition})
        - (select count(*) from ${sql.table(table)} indexed by ${sql.id(name)} where ${condition}) as ${sql.id(name)}`;
    });
    const counted = await sql<
      Record<string, number>
    >`select ${sql.join(lacking)} from ${sql.table(table)} not indexed`.execute(database);
    const short = Object.entries(counted.rows[0] ?? {}).find(([, entries]) => entries !== 0);
    if (short) return short[0];
  }
  return undefined;
}
