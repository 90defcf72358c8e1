import { sql } from 'kysely';
import type { Transaction } from '../schema.js';

/** Every filter of the inventory by an index, in the order of its pages. */
export async function up(database: Transaction): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(database);
}

const statements = [
  `drop index certificate_by_status`,
  `drop index certificate_by_not_after`,
  // By status and partial: a new certificate is in no more of them than before, and what is revoked is a small part.
  `create index certificate_active_by_end on certificate (not_after, serial) where status = 'active'`,
  `create index certificate_active_by_service_and_end on certificate (service, not_after, serial) where status = 'active'`,
  `create index certificate_revoked_by_end on certificate (not_after, serial) where status = 'revoked'`,
  `create index certificate_revoked_by_service_and_end on certificate (service, not_after, serial) where status = 'revoked'`,
  `create index certificate_revoked_by_issued_at on certificate (issued_at, serial) where status = 'revoked'`,
  `create index certificate_revoked_by_service on certificate (service, issued_at, serial) where status = 'revoked'`,
  // The last revocation of an issuer, without a look at all of them.
  `create index certificate_revoked_by_issuer on certificate (issuer, revocation_sequence) where status = 'revoked'`,
];
