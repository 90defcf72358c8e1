import { sql } from 'kysely';
import type { Transaction } from '../schema.js';

/** Holds that can be released, invalidity dates, shards and deltas, and lists too large for a row. */
export async function up(database: Transaction): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(database);
}

const statements = [
  `alter table certificate add column invalidity_date integer`,
  // 0: in the complete list alone. Fixed when the certificate is issued, as its distribution point is.
  `alter table certificate add column crl_shard integer not null default 0`,
  `drop trigger certificate_stays_revoked`,
  `create trigger certificate_stays_revoked before update on certificate
    when old.status = 'revoked' and old.revocation_reason <> 'certificateHold'
    begin select raise(abort, 'a revocation is final'); end`,
  // A hold that was lifted, last; in one order with the revocations, so that a delta can say so.
  `create table release (
    serial text primary key references certificate (serial),
    issuer text not null references issuer (id),
    crl_shard integer not null,
    released_at integer not null,
    not_after integer not null,
    sequence integer not null unique
  ) strict`,
  `create index release_by_shard on release (issuer, crl_shard, sequence)`,
  `create index release_by_issuer on release (issuer, sequence)`,
  // Everything that an entry is made of: a list is written from this index, and the rows of certificates, a hundred times as large, are not read.
  `create index certificate_revoked_by_shard on certificate
    (issuer, crl_shard, revocation_sequence, serial, revoked_at, revocation_reason, invalidity_date, not_after) where status = 'revoked'`,
  // The same by issuer, for its deltas and for who takes up everything at a start.
  `drop index certificate_revoked_by_issuer`,
  `create index certificate_revoked_by_issuer on certificate
    (issuer, revocation_sequence, serial, revoked_at, revocation_reason, invalidity_date, not_after) where status = 'revoked'`,
  // Given out before a list is signed, and never given back.
  `create table crl_number (issuer text primary key references issuer (id), last integer not null) strict`,
  `insert into crl_number (issuer, last) select issuer, max(number) from crl group by issuer`,
  `create table revocation_list (
    issuer text not null references issuer (id),
    number integer not null,
    scope text not null,
    base_number integer,
    this_update integer not null,
    next_update integer not null,
    revocation_sequence integer not null,
    octets integer not null,
    sha256 text,
    der blob,
    primary key (issuer, number),
    check (sha256 is not null or der is not null)
  ) strict`,
  `insert into revocation_list (issuer, number, scope, this_update, next_update, revocation_sequence, octets, der)
    select issuer, number, 'complete', this_update, next_update, revocation_sequence, length(der), der from crl`,
  `drop table crl`,
  `alter table revocation_list rename to crl`,
  `create index crl_by_scope on crl (issuer, scope, number)`,
  // A list too large for a row, in pieces, where other nodes cannot read our files.
  `create table crl_part (
    issuer text not null,
    number integer not null,
    part integer not null,
    octets blob not null,
    primary key (issuer, number, part)
  ) strict`,
];
