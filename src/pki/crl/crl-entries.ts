import { setImmediate } from 'node:timers/promises';
import {
  listReleases,
  readRevocationPage,
  readRevokedSerialPage,
  type Database,
  type RevocationPart,
} from '../../store/index.js';
import { CrlReason, encodeRevokedCertificate } from '../../x509/index.js';

/** Which revocations are on a list. */
export interface CrlContents {
  readonly issuer: string;
  /** `complete`, `delta`, or the number of a shard. */
  readonly scope: string;
  /** The place in the order of revocations up to which the base of a delta goes, 0 for other lists; then the place up to which this list goes. */
  readonly after: number;
  readonly until: number;
  /** thisUpdate of the last list; undefined before the first. An entry stays until it was on one list after its certificate expired (RFC 5280 §3.3). */
  readonly validUntil: Date | undefined;
}

// Places in the order of revocations. They take two milliseconds when this thread reads them itself, or unpacks what came over the network.
const PAGE = 10_000;

/**
 * The entries of a list from the rows of `database`, a page at a time, with a turn of the event loop after each. Throws StoreError `store_corrupt` for a
 * revocation without an entry.
 */
export async function* crlEntries(database: Database, contents: CrlContents): AsyncGenerator<Uint8Array> {
  const { scope } = contents;
  const shard = scope === 'complete' || scope === 'delta' ? undefined : Number(scope);
  yield* pages(contents, (part) => readRevocationPage(database, { ...part, shard }));
  yield* pages(contents, (part) => readRevokedSerialPage(database, part));
  if (scope === 'delta') yield* released(database, contents);
}

async function* pages(
  { issuer, after, until, validUntil }: CrlContents,
  read: (part: Omit<RevocationPart, 'shard'>) => Promise<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const pageAfter = (place: number): Promise<Uint8Array> | undefined => {
    if (place >= until) return undefined;
    const page = read({ issuer, after: place, until: Math.min(place + PAGE, until), validUntil });
    // When the caller stops before this page, nobody awaits it.
    page.catch(() => undefined);
    return page;
  };
  let next = pageAfter(after);
  for (let place = after + PAGE; next; place += PAGE) {
    const page = await next;
    // The next page is read while this one is checked, by another thread or another machine.
    next = pageAfter(place);
    if (page.length > 0) yield page;
    await setImmediate();
  }
}

/** Holds that were lifted since the base (RFC 5280 §5.2.4). */
async function* released(database: Database, { issuer, after: since }: CrlContents): AsyncGenerator<Uint8Array> {
  for (let after = since; ;) {
    const page = await listReleases(database, { issuer, after, limit: PAGE });
    const entries = page.filter(({ isRevoked }) => !isRevoked);
    if (entries.length > 0)
      yield Buffer.concat(
        entries.map(({ serial, releasedAt }) =>
          encodeRevokedCertificate({
            serialNumber: Buffer.from(serial, 'hex'),
            revocationDate: new Date(releasedAt),
            reason: CrlReason.removeFromCRL,
          }),
        ),
      );
    if (page.length < PAGE) return;
    after = page.at(-1)?.sequence ?? after;
    await setImmediate();
  }
}
