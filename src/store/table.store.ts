import { sql } from 'kysely';
import type { Database, Schema, Transaction } from './schema.js';

/** A table as it is in a database: its columns in their order, and which of them hold octets. */
export interface TableShape {
  readonly name: string;
  readonly columns: readonly string[];
  readonly octets: readonly string[];
}

/** What a column holds. */
export type TableValue = string | number | null | Uint8Array;

interface Paging<Row> {
  /** What rows are ordered by. */
  readonly key: readonly (keyof Row & string)[];
  readonly descending?: boolean;
  /** Rows of a page; 1000 when absent. */
  readonly page?: number;
}

/** Every table, in an order in which each comes after those that it refers to. */
const TABLES: { readonly [Table in keyof Schema]: Paging<Schema[Table]> } = {
  // The roots, which the others refer to, first.
  issuer: { key: ['role', 'id'], descending: true },
  serial: { key: ['serial'] },
  certificate: { key: ['serial'] },
  cross_certificate: { key: ['serial'] },
  revoked_serial: { key: ['serial'] },
  release: { key: ['serial'] },
  idempotency: { key: ['caller', 'key'] },
  enrollment_token: { key: ['token_sha256'] },
  // Of megabytes each.
  crl: { key: ['issuer', 'number'], page: 1 },
  crl_part: { key: ['issuer', 'number', 'part'], page: 1 },
  crl_number: { key: ['issuer'] },
  crl_floor: { key: ['issuer'] },
  policy: { key: ['id'] },
  issuer_seen: { key: ['issuer'] },
  unlisted_peer: { key: ['issuer', 'serial'] },
  service_change: { key: ['sequence'] },
  service_shadow: { key: ['service', 'method', 'route', 'code'] },
  audit: { key: ['sequence'] },
  audit_head: { key: ['id'] },
};

const PAGE = 1000;
/** Below what either database takes in one statement. */
const MOST_PARAMETERS = 8000;

/** The tables that are in a database, in an order in which rows can be added again. */
export async function tableShapes(database: Database): Promise<TableShape[]> {
  const tables = new Map((await database.introspection.getTables()).map((table) => [table.name, table.columns]));
  return Object.keys(TABLES).flatMap((name) => {
    const columns = tables.get(name);
    if (!columns) return [];
    const octets = columns.filter(({ dataType }) => /^(?:blob|bytea)$/i.test(dataType));
    return [{ name, columns: columns.map((column) => column.name), octets: octets.map((column) => column.name) }];
  });
}

/** How many rows a table has. */
export async function countRows(database: Database, table: TableShape): Promise<number> {
  const { rows } = await sql<{ rows: number }>`select count(*) as rows from ${sql.table(table.name)}`.execute(database);
  return rows[0]?.rows ?? 0;
}

/** Whether there is a row in any of the tables. */
export async function hasRows(database: Database, tables: readonly TableShape[]): Promise<boolean> {
  for (const { name } of tables)
    if ((await sql`select 1 from ${sql.table(name)} limit 1`.execute(database)).rows.length > 0) return true;
  return false;
}

/** Every row of a table in pages, each row's values in the order of its columns. */
export async function* tablePages(
  database: Database,
  { name, columns }: TableShape,
): AsyncGenerator<(readonly TableValue[])[]> {
  const { key, descending = false, page = PAGE }: Paging<never> = TABLES[name as keyof Schema];
  const keys = sql.join(key.map((column) => sql.ref(column)));
  const order = sql.join(key.map((column) => sql`${sql.ref(column)} ${sql.raw(descending ? 'desc' : 'asc')}`));
  const selected = sql.join(columns.map((column) => sql.ref(column)));
  let after = sql``;
  for (;;) {
    const { rows } = await sql<Readonly<Record<string, TableValue>>>`
      select ${selected} from ${sql.table(name)} ${after} order by ${order} limit ${sql.lit(page)}`.execute(database);
    if (rows.length > 0) yield rows.map((row) => columns.map((column) => row[column] ?? null));
    const last = rows.at(-1);
    if (!last || rows.length < page) return;
    const place = sql.join(key.map((column) => sql`${last[column]}`));
    after = sql`where (${keys}) ${sql.raw(descending ? '<' : '>')} (${place})`;
  }
}

/** Adds rows, each row's values in the order of the table's columns. Throws what the database refuses them with. */
export async function insertRows(
  transaction: Transaction,
  { name, columns }: TableShape,
  rows: readonly (readonly TableValue[])[],
): Promise<void> {
  const most = Math.floor(MOST_PARAMETERS / columns.length);
  for (let i = 0; i < rows.length; i += most) {
    const values = rows.slice(i, i + most).map((row) => sql`(${sql.join(row.map((value) => sql`${value}`))})`);
    await sql`insert into ${sql.table(name)} (${sql.join(columns.map((column) => sql.ref(column)))}) values ${sql.join(values)}`.execute(
      transaction,
    );
  }
}
