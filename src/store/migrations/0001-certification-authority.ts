import { sql } from 'kysely';
import type { Transaction } from '../schema.js';

/** Issuers, certificates, serial numbers, CRLs and the audit record. */
export async function up(database: Transaction): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(database);
}

const statements = [
  `create table issuer (
    id text primary key,
    role text not null check (role in ('root', 'issuing')),
    parent text not null references issuer (id),
    der blob not null,
    created_at integer not null
  ) strict`,
  // A number is taken before anything is signed with it, and never given back (RFC 5280 §4.1.2.2: unique for each CA).
  `create table serial (serial text primary key, reserved_at integer not null) strict, without rowid`,
  `create table certificate (
    serial text primary key references serial (serial),
    issuer text not null references issuer (id),
    profile text not null,
    service text,
    subject text not null,
    not_before integer not null,
    not_after integer not null,
    spki_sha256 text not null,
    fingerprint text not null unique,
    der blob not null,
    requester text not null,
    request_id text not null,
    issued_at integer not null,
    status text not null check (status in ('active', 'revoked')),
    revoked_at integer,
    revocation_reason text,
    revocation_sequence integer unique,
    check ((status = 'revoked') = (revoked_at is not null)),
    check ((status = 'revoked') = (revocation_reason is not null)),
    check ((status = 'revoked') = (revocation_sequence is not null))
  ) strict`,
  `create index certificate_by_issued_at on certificate (issued_at, serial)`,
  `create index certificate_by_service on certificate (service, issued_at, serial)`,
  `create index certificate_by_status on certificate (status, issued_at, serial)`,
  `create index certificate_by_not_after on certificate (not_after)`,
  `create index certificate_by_key on certificate (spki_sha256)`,
  // A revocation is final: there is no hold in this store.
  `create trigger certificate_stays_revoked before update on certificate when old.status = 'revoked'
    begin select raise(abort, 'a revocation is final'); end`,
  `create table crl (
    issuer text not null references issuer (id),
    number integer not null,
    this_update integer not null,
    next_update integer not null,
    revocation_sequence integer not null,
    der blob not null,
    primary key (issuer, number)
  ) strict`,
  `create table audit (
    sequence integer primary key,
    at integer not null,
    action text not null,
    phase text not null check (phase in ('intent', 'result')),
    actor text not null,
    request_id text not null,
    subject text not null,
    detail text not null,
    previous_hash text not null,
    hash text not null
  ) strict`,
  `create trigger audit_is_not_changed before update on audit begin select raise(abort, 'the audit record is append-only'); end`,
  `create trigger audit_is_not_deleted before delete on audit begin select raise(abort, 'the audit record is append-only'); end`,
  // Where the record ends, kept apart, so that rows missing at its end are missed.
  `create table audit_head (id integer primary key check (id = 1), sequence integer not null, hash text not null) strict`,
];
