import { setImmediate } from 'node:timers/promises';
import {
  listReleases,
  readPage,
  revocationPage,
  revokedSerialPage,
  type Database,
  type PageQuery,
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
/** The number of pages in one request to the thread that reads them. Between two requests another thread may have its turn, to read a list for a quarter of a second. */
const PAGES = 128;

/** Places that no revocation has, in the parameters of a statement for any page. */
const NOWHERE = { after: -1, until: -2 };

/** A statement that reads one page of entries. */
export interface PageStatement {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

/** Whole entries, or the statements that read them. */
export type EntryPiece = Uint8Array | readonly PageStatement[];

/**
 * The entries of a list from the rows of `database`, a page at a time, with a turn of the event loop after each. With `isElsewhere` the thread that writes the
 * list also reads the rows, and gets statements instead of octets. Throws StoreError `store_corrupt` for a revocation without an entry.
 */
export async function* crlEntries(
  database: Database,
  contents: CrlContents,
  { isElsewhere }: { readonly isElsewhere: boolean },
): AsyncGenerator<EntryPiece> {
  const { scope } = contents;
  const shard = scope === 'complete' || scope === 'delta' ? undefined : Number(scope);
  const read = isElsewhere ? statements : pages;
  yield* read(contents, (part) => revocationPage(database, { ...part, shard }));
  yield* read(contents, (part) => revokedSerialPage(database, part));
  if (scope === 'delta') yield* released(database, contents);
}

type QueryOf = (part: Omit<RevocationPart, 'shard'>) => PageQuery;

function* partsOf({ issuer, after, until, validUntil }: CrlContents): Generator<Omit<RevocationPart, 'shard'>> {
  for (let place = after; place < until; place += PAGE)
    yield { issuer, after: place, until: Math.min(place + PAGE, until), validUntil };
}

async function* pages(contents: CrlContents, queryOf: QueryOf): AsyncGenerator<Uint8Array> {
  let last: Promise<Uint8Array> | undefined;
  for (const part of partsOf(contents)) {
    // The database reads this page while the one before is checked.
    const page = readPage(queryOf(part));
    // When the caller stops before this page, nobody awaits it.
    page.catch(() => undefined);
    if (last) yield* filled(await last);
    last = page;
    await setImmediate();
  }
  if (last) yield* filled(await last);
}

function* filled(page: Uint8Array): Generator<Uint8Array> {
  if (page.length > 0) yield page;
}

function* statements(contents: CrlContents, queryOf: QueryOf): Generator<PageStatement[]> {
  // Compiling a statement for each page would hold up the event loop for milliseconds.
  const { sql, parameters } = queryOf({ ...contents, ...NOWHERE }).compile();
  let some: PageStatement[] = [];
  for (const { after, until } of partsOf(contents)) {
    const placed = parameters.map((each) => (each === NOWHERE.after ? after : each === NOWHERE.until ? until : each));
    some.push({ sql, parameters: placed });
    if (some.length < PAGES) continue;
    yield some;
    some = [];
  }
  if (some.length > 0) yield some;
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
