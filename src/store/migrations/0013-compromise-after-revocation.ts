import { sql } from 'kysely';
import type { Transaction } from '../schema.js';

/** A revocation for good stays, but that its key was compromised can become known later. */
export async function up(database: Transaction): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(database);
}

const statements = [
  `drop trigger certificate_stays_revoked`,
  `create trigger certificate_stays_revoked before update on certificate
    when old.status = 'revoked' and old.revocation_reason <> 'certificateHold'
      and not (new.status = 'revoked' and new.revoked_at = old.revoked_at
        and new.revocation_reason in ('keyCompromise', 'cACompromise')
        and old.revocation_reason not in ('keyCompromise', 'cACompromise'))
    begin select raise(abort, 'a revocation is final'); end`,
];
