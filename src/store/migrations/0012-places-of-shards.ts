import { sql } from 'kysely';
import type { Transaction } from '../schema.js';

/** Where a shard says that it is: certificates name the earlier places after the settings have another one. */
export async function up(database: Transaction): Promise<void> {
  await sql`alter table crl add column distribution_points text`.execute(database);
}
