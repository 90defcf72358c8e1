import type { Selectable } from 'kysely';
import type { ServiceOfIssuer } from './issuer.store.js';
import type { Database, Transaction, UnlistedPeerTable } from './schema.js';

/** A peer whose certificate is not among those of the store. Times in milliseconds. */
export type UnlistedPeerRow = Readonly<Selectable<UnlistedPeerTable>>;

/** Those of the serial numbers, at most a thousand, that no certificate of the store has. */
export async function unlistedSerials(database: Database, serials: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await database.selectFrom('certificate').select('serial').where('serial', 'in', serials).execute();
  const listed = new Set(rows.map(({ serial }) => serial));
  return new Set(serials.filter((serial) => !listed.has(serial)));
}

/** Notes when a certificate of an issuer was presented, unless a later time is there. */
export async function noteIssuerSeen(transaction: Transaction, issuer: string, seenAt: number): Promise<void> {
  await transaction
    .insertInto('issuer_seen')
    .values({ issuer, seen_at: seenAt })
    .onConflict((conflict) =>
      conflict.column('issuer').doUpdateSet({ seen_at: seenAt }).where('issuer_seen.seen_at', '<', seenAt),
    )
    .execute();
}

// A CA below ours can make any number.
const MOST_UNLISTED = 1000;

/**
 * Notes a peer whose certificate is not among those of the store. Of two below one of our CAs that have one serial number, which each CA gives by itself
 * (RFC 5280 §4.1.2.2), the one that ends last stays.
 */
export async function noteUnlistedPeer(transaction: Transaction, row: UnlistedPeerRow): Promise<void> {
  await transaction
    .deleteFrom('unlisted_peer')
    .where('issuer', '=', row.issuer)
    .where('serial', '=', row.serial)
    .where('not_after', '<', row.not_after)
    .execute();
  await transaction
    .insertInto('unlisted_peer')
    .values(row)
    .onConflict((conflict) => conflict.columns(['issuer', 'serial']).doUpdateSet({ seen_at: row.seen_at }))
    .execute();
}

/** Forgets peers of an issuer that are over at `time` (milliseconds), and of more than a thousand those that end first. */
export async function forgetUnlistedPeers(transaction: Transaction, issuer: string, time: number): Promise<void> {
  const kept = transaction
    .selectFrom('unlisted_peer')
    .select('serial')
    .where('issuer', '=', issuer)
    .where('not_after', '>=', time)
    .orderBy('not_after', 'desc')
    .limit(MOST_UNLISTED);
  await transaction.deleteFrom('unlisted_peer').where('issuer', '=', issuer).where('serial', 'not in', kept).execute();
}

/** When a certificate of an issuer was last presented, in milliseconds; undefined when none ever was. */
export async function issuerSeenAt(database: Database, issuer: string): Promise<number | undefined> {
  const row = await database
    .selectFrom('issuer_seen')
    .select('seen_at')
    .where('issuer', '=', issuer)
    .executeTakeFirst();
  return row?.seen_at;
}

/** The peers of an issuer whose certificates are not among those of the store and not over, at most a thousand, those that end last first. */
export async function unlistedPeers(database: Database, issuer: string, now: Date): Promise<ServiceOfIssuer[]> {
  const rows = await database
    .selectFrom('unlisted_peer')
    .select(['service', 'not_after'])
    .where('issuer', '=', issuer)
    .where('not_after', '>=', now.getTime())
    .orderBy('not_after', 'desc')
    .limit(MOST_UNLISTED)
    .execute();
  return rows.map(({ service, not_after: lastNotAfter }) => ({ service, lastNotAfter }));
}
