import { join } from 'node:path';
import type { Authority } from '../issuer/authority.js';
import type { PkiSettings } from '../pki-settings.js';

/** The list of everything. */
export const COMPLETE = 'complete';
/** What changed since the complete list. */
export const DELTA = 'delta';

/** Whether a scope is that of a shard. */
export const isShard = (scope: string): boolean => scope !== COMPLETE && scope !== DELTA;

/** Where a list is, below the folder or the URL of the lists: `issuing.crl`, `issuing/delta.crl`, `issuing/3.crl`. */
export const crlFileName = (issuer: string, scope: string): string =>
  scope === COMPLETE ? `${issuer}.crl` : join(issuer, `${scope}.crl`);

/** Where clients find a list. */
export const crlUrl = (publicationUrl: string, issuer: string, scope: string): string =>
  `${publicationUrl}/crl/${crlFileName(issuer, scope)}`;

/** Whether the issuing CAs have deltas. */
export const hasDeltas = ({ crlDeltaLifetime = 0 }: { readonly crlDeltaLifetime?: number | undefined }): boolean =>
  crlDeltaLifetime > 0;

/** Whether a list is the base of a delta, which it names (RFC 5280 §5.2.6): the complete one of an issuing CA where there are deltas. */
export const isBase = (settings: PkiSettings, { role }: Pick<Authority, 'role'>, scope: string): boolean =>
  scope === COMPLETE && role === 'issuing' && hasDeltas(settings);

/** How long before the end of a list the next one is signed, in seconds. */
export const overlapOf = ({ crlOverlap, crlDeltaLifetime = 0 }: PkiSettings, scope: string): number =>
  scope === DELTA ? crlDeltaLifetime / 2 : crlOverlap;

/** The shard of a serial number, in hexadecimal, among `shards`: from 1; 0 when there are none. Serial numbers are random, so shards grow alike. */
export const shardOf = (serialNumber: string, shards: number): number =>
  shards < 2 ? 0 : (Number.parseInt(serialNumber.slice(-8), 16) % shards) + 1;
