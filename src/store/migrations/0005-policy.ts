import { sql } from 'kysely';
import type { Transaction } from '../schema.js';

/** The policy that the CA last ran under, to be compared with at each start. */
export async function up(database: Transaction): Promise<void> {
  await sql
    .raw(`create table policy (id integer primary key check (id = 1), contents text not null) strict`)
    .execute(database);
}
