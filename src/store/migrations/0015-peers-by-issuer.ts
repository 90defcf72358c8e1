import { sql } from 'kysely';
import type { Transaction } from '../schema.js';

/** Peers that the certificates of this store do not tell about are told apart by issuer too: each CA below ours gives serial numbers by itself. */
export async function up(database: Transaction): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(database);
}

const COLUMNS = 'serial, issuer, service, not_after, seen_at';

const statements = [
  `create table unlisted_peer_kept (
    serial text not null,
    issuer text not null references issuer (id),
    service text not null,
    not_after integer not null,
    seen_at integer not null,
    primary key (issuer, serial)
  ) strict`,
  `insert into unlisted_peer_kept (${COLUMNS}) select ${COLUMNS} from unlisted_peer`,
  `drop table unlisted_peer`,
  `alter table unlisted_peer_kept rename to unlisted_peer`,
  `create index unlisted_peer_by_issuer_and_end on unlisted_peer (issuer, not_after)`,
];
