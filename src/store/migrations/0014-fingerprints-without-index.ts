import { sql } from 'kysely';
import type { Transaction } from '../schema.js';

/**
 * Nobody looks for a certificate by its fingerprint, and that none stands twice follows from the serial number. The index of it cost a third of what is written
 * for a certificate. SQLite gives a constraint back only with its table.
 */
export async function up(database: Transaction): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(database);
}

const COLUMNS = `serial, issuer, profile, service, subject, not_before, not_after, spki_sha256, fingerprint, der, requester, request_id, issued_at, status,
  revoked_at, revocation_reason, revocation_sequence, invalidity_date, crl_shard, crl_entry, lifetime`;
const RELEASE_COLUMNS = `serial, issuer, crl_shard, released_at, not_after, sequence`;

const statements = [
  `drop trigger certificate_stays_revoked`,
  `drop trigger certificate_revoked_with_entry`,
  `create table certificate_kept (
    serial text primary key references serial (serial),
    issuer text not null references issuer (id),
    profile text not null,
    service text,
    subject text not null,
    not_before integer not null,
    not_after integer not null,
    spki_sha256 text not null,
    fingerprint text not null,
    der blob not null,
    requester text not null,
    request_id text not null,
    issued_at integer not null,
    status text not null check (status in ('active', 'revoked')),
    revoked_at integer,
    revocation_reason text,
    revocation_sequence integer unique,
    invalidity_date integer,
    crl_shard integer not null default 0,
    crl_entry blob,
    lifetime integer,
    check ((status = 'revoked') = (revoked_at is not null)),
    check ((status = 'revoked') = (revocation_reason is not null)),
    check ((status = 'revoked') = (revocation_sequence is not null))
  ) strict`,
  `insert into certificate_kept (${COLUMNS}) select ${COLUMNS} from certificate order by issued_at, serial`,
  `create table release_kept (
    serial text primary key references certificate_kept (serial),
    issuer text not null references issuer (id),
    crl_shard integer not null,
    released_at integer not null,
    not_after integer not null,
    sequence integer not null unique
  ) strict`,
  `insert into release_kept (${RELEASE_COLUMNS}) select ${RELEASE_COLUMNS} from release`,
  `drop table release`,
  `drop table certificate`,
  `alter table certificate_kept rename to certificate`,
  `alter table release_kept rename to release`,
  `create index release_by_shard on release (issuer, crl_shard, sequence)`,
  `create index release_by_issuer on release (issuer, sequence)`,
  `create index certificate_by_issued_at on certificate (issued_at, serial)`,
  `create index certificate_by_service on certificate (service, issued_at, serial)`,
  `create index certificate_by_compromised_key on certificate (spki_sha256) where revocation_reason = 'keyCompromise'`,
  `create index certificate_active_by_end on certificate (not_after, serial) where status = 'active'`,
  `create index certificate_active_by_service_and_end on certificate (service, not_after, serial) where status = 'active'`,
  `create index certificate_active_by_issuer_and_end on certificate (issuer, not_after) where status = 'active'`,
  `create index certificate_revoked_by_end on certificate (not_after, serial) where status = 'revoked'`,
  `create index certificate_revoked_by_service_and_end on certificate (service, not_after, serial) where status = 'revoked'`,
  `create index certificate_revoked_by_issued_at on certificate (issued_at, serial) where status = 'revoked'`,
  `create index certificate_revoked_by_service on certificate (service, issued_at, serial) where status = 'revoked'`,
  `create index certificate_revoked_by_shard on certificate
    (issuer, crl_shard, revocation_sequence, crl_entry, not_after) where status = 'revoked'`,
  `create index certificate_revoked_by_issuer on certificate
    (issuer, revocation_sequence, crl_entry, not_after) where status = 'revoked'`,
  `create trigger certificate_revoked_with_entry before update on certificate
    when new.status = 'revoked' and new.revocation_sequence is distinct from old.revocation_sequence
      and new.crl_entry is not distinct from old.crl_entry
    begin select raise(abort, 'a revocation has its entry of the lists'); end`,
  `create trigger certificate_stays_revoked before update on certificate
    when old.status = 'revoked' and old.revocation_reason <> 'certificateHold'
      and not (new.status = 'revoked' and new.revoked_at = old.revoked_at
        and new.revocation_reason in ('keyCompromise', 'cACompromise')
        and old.revocation_reason not in ('keyCompromise', 'cACompromise'))
    begin select raise(abort, 'a revocation is final'); end`,
];
