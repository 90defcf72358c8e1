import { sql } from 'kysely';
import type { Transaction } from '../schema.js';

/** What a certificate is renewed for, also where the end of a CA cut it short. */
export async function up(database: Transaction): Promise<void> {
  await sql`alter table certificate add column lifetime integer`.execute(database);
}
