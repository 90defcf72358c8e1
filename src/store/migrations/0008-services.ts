import { sql } from 'kysely';
import type { Transaction } from '../schema.js';

/** The services that may call, a row for each change of them; and what was only tried on them would have refused. */
export async function up(database: Transaction): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(database);
}

const statements = [
  `create table service_change (
    sequence integer primary key,
    name text not null,
    version integer not null check (version > 0),
    state text not null check (state in ('allowed', 'denied', 'shadow', 'removed')),
    tries text check (tries in ('allowed', 'denied')),
    roles text not null,
    valid_from integer,
    valid_until integer,
    pins text not null,
    rate integer,
    burst integer,
    note text,
    author text not null,
    request_id text not null,
    changed_at integer not null,
    unique (name, version),
    check ((state = 'shadow') = (tries is not null)),
    check ((rate is null) = (burst is null))
  ) strict`,
  `create trigger service_change_is_not_changed before update on service_change begin select raise(abort, 'what became of a service is append-only'); end`,
  `create trigger service_change_is_not_deleted before delete on service_change begin select raise(abort, 'what became of a service is append-only'); end`,
  `create table service_shadow (
    service text not null,
    method text not null,
    route text not null,
    code text not null,
    reason text not null,
    calls integer not null,
    first_at integer not null,
    last_at integer not null,
    primary key (service, method, route, code)
  ) strict`,
  `create index service_shadow_by_last_at on service_shadow (last_at)`,
];
