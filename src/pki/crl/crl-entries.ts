import { setImmediate } from 'node:timers/promises';
import {
  listReleases,
  readRevocationPage,
  readRevokedSerialPage,
  revokedShards,
  type Database,
  type RevocationPage,
} from '../../store/index.js';
import { CrlReason, encodeRevokedCertificate } from '../../x509/index.js';
import { PkiError } from '../pki-error.js';

/** Which revocations a list has. */
export interface CrlContents {
  readonly issuer: string;
  /** `complete`, `delta`, or the number of a shard. */
  readonly scope: string;
  /** Of a delta: the place in the order of revocations up to which its base goes. */
  readonly after: number;
  /** An entry stays until it was on one list after the end of its certificate (RFC 5280 §3.3): when that list was, none before the first. */
  readonly validUntil: Date | undefined;
}

// A fraction of a millisecond of the event loop each.
const PAGE = 600;

/** The entries of a list from the rows of `database`, a page at a time, good until the next one is asked for. The event loop has its turn behind each. Throws PkiError `lint_failed` for a reason that is none. */
export async function* crlEntries(database: Database, contents: CrlContents): AsyncGenerator<Uint8Array> {
  const { issuer, scope, after, validUntil } = contents;
  const part = { issuer, validUntil, limit: PAGE };
  const revoked = (shard?: number): AsyncGenerator<Uint8Array> =>
    pages(after, (place) =>
      readRevocationPage(database, { ...part, after: place, ...(shard === undefined ? {} : { shard }) }),
    );
  if (scope === 'delta') yield* revoked();
  else if (scope === 'complete') for await (const shard of revokedShards(database, issuer)) yield* revoked(shard);
  else yield* revoked(Number(scope));
  yield* pages(after, (place) => readRevokedSerialPage(database, { ...part, after: place }));
  if (scope === 'delta') yield* released(database, issuer, after);
}

async function* pages(start: number, read: (after: number) => Promise<RevocationPage>): AsyncGenerator<Uint8Array> {
  const room = { text: Buffer.alloc(0), octets: Buffer.alloc(0) };
  for (let next: Promise<RevocationPage> | undefined = read(start); next;) {
    const page: RevocationPage = await next;
    // Read while this one is encoded, by a database that is another thread or another machine.
    next = page.entries < PAGE ? undefined : read(page.last);
    // Who stops here need not hear what became of it.
    next?.catch(() => undefined);
    if (page.entries > 0) yield encodePage(page.text, page.entries, room);
    await setImmediate();
  }
}

/** Holds that were lifted since the base (RFC 5280 §5.2.4). */
async function* released(database: Database, issuer: string, since: number): AsyncGenerator<Uint8Array> {
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

// reasonCode but for its value: SEQUENCE { SEQUENCE { id-ce-reasonCode, OCTET STRING { ENUMERATED } } }.
const REASON_EXTENSION = [0x30, 0x0c, 0x30, 0x0a, 0x06, 0x03, 0x55, 0x1d, 0x15, 0x04, 0x03, 0x0a, 0x01] as const;
const DAY = 86_400_000;
// SEQUENCE, INTEGER of 21 octets, time, reason.
const LONGEST = 2 + 23 + 15 + 14;
/** The last milliseconds of UTCTime (RFC 5280 §5.1.2.6). */
const LAST_UTC_TIME = Date.UTC(2050, 0, 1) - 1;
const [ZERO, EIGHT, SPACE, COMMA] = [0x30, 0x38, 0x20, 0x2c];

/** Longer than every name. */
const NOBODY = { text: Buffer.alloc(64), reason: 0 };
const reasons = new Map<string, number>(Object.entries(CrlReason));

/** Room for a page and its entries, used again for the next one. */
interface Room {
  text: Buffer;
  octets: Buffer;
}

const roomFor = (before: Buffer, length: number): Buffer =>
  length <= before.length ? before : Buffer.allocUnsafeSlow(length);

/**
 * The entries of {@link RevocationPage.text}. The usual ones are written in place: an object for each would take longer than all the rest. In `room` they
 * are good until it is used again.
 */
export function encodePage(
  text: string,
  entries: number,
  room: Room = { text: Buffer.alloc(0), octets: Buffer.alloc(0) },
): Uint8Array {
  room.text = roomFor(room.text, text.length);
  const octets = (room.octets = roomFor(room.octets, entries * LONGEST));
  const page = room.text.subarray(0, room.text.write(text, 'latin1'));
  const unusual: Uint8Array[] = [];
  let end = 0;
  for (let from = 0; from < page.length;) {
    let serialEnd = from;
    while (page[serialEnd] !== SPACE && serialEnd < page.length) serialEnd++;
    let at = serialEnd + 1;
    let revokedAt = 0;
    for (; page[at] !== SPACE && at < page.length; at++) revokedAt = revokedAt * 10 + (page[at] ?? 0) - ZERO;
    const reasonStart = ++at;
    while (at < page.length && page[at] !== SPACE && page[at] !== COMMA) at++;
    const reason = reasonAt(page, reasonStart, at);
    if (page[at] === SPACE || revokedAt > LAST_UTC_TIME) {
      const next = page.indexOf(COMMA, at);
      const to = next < 0 ? page.length : next;
      const invalidityDate = page[at] === SPACE ? new Date(Number(page.toString('latin1', at + 1, to))) : undefined;
      const serialNumber = Buffer.from(page.toString('latin1', from, serialEnd), 'hex');
      unusual.push(
        encodeRevokedCertificate({ serialNumber, revocationDate: new Date(revokedAt), reason, invalidityDate }),
      );
      at = to;
    } else end = writeEntry(octets, end, { page, from, to: serialEnd }, revokedAt, reason);
    from = at + 1;
  }
  return unusual.length === 0 ? octets.subarray(0, end) : Buffer.concat([octets.subarray(0, end), ...unusual]);
}

/** Names are told apart by how they begin and how long they are; each is compared, and only who is not known is looked up. */
const known: ({ readonly text: Buffer; readonly reason: number } | undefined)[] = [];

function reasonAt(page: Buffer, from: number, to: number): number {
  const place = ((to - from) << 5) | ((page[from] ?? 0) & 0x1f);
  const { text, reason } = known[place] ?? NOBODY;
  if (text.length === to - from) {
    let at = 0;
    while (at < text.length && text[at] === page[from + at]) at++;
    if (at === text.length) return reason;
  }
  const name = page.toString('latin1', from, to);
  const found = reasons.get(name);
  if (found === undefined) throw new PkiError('lint_failed', `${name} is no reason of RFC 5280 §5.3.1`);
  known[place] = { text: Buffer.from(name, 'latin1'), reason: found };
  return found;
}

/** Writes an entry of the usual form at `at`, from the hexadecimal `[from, to)` of the page, and gives where it ends. */
function writeEntry(
  octets: Buffer,
  at: number,
  { page, from, to }: { readonly page: Buffer; readonly from: number; readonly to: number },
  revokedAt: number,
  reason: number,
): number {
  let digits = from;
  while (digits + 2 < to && page[digits] === ZERO && page[digits + 1] === ZERO) digits += 2;
  // A first octet from 80 would make it negative.
  const pad = (page[digits] ?? 0) >= EIGHT ? 1 : 0;
  const size = (to - digits) / 2 + pad;
  octets[at] = 0x30;
  octets[at + 1] = size + 2 + 15 + (reason === 0 ? 0 : REASON_EXTENSION.length + 1);
  octets[at + 2] = 0x02;
  octets[at + 3] = size;
  let end = at + 4;
  if (pad === 1) octets[end++] = 0;
  for (; digits < to; digits += 2)
    octets[end++] = ((HEX[page[digits] ?? 0] ?? 0) << 4) | (HEX[page[digits + 1] ?? 0] ?? 0);
  end = writeUtcTime(octets, end, revokedAt);
  if (reason === 0) return end;
  for (let i = 0; i < REASON_EXTENSION.length; i++) octets[end + i] = REASON_EXTENSION[i] ?? 0;
  end += REASON_EXTENSION.length;
  octets[end] = reason;
  return end + 1;
}

/** The value of a hexadecimal digit, by its character. */
const HEX = new Uint8Array(256);
for (let value = 0; value < 16; value++) HEX[value.toString(16).charCodeAt(0)] = value;

let day = Number.NaN;
const dayText = Buffer.alloc(6);

/** A UTCTime; dates of one day mostly follow each other. */
function writeUtcTime(octets: Buffer, at: number, time: number): number {
  const today = Math.floor(time / DAY);
  if (today !== day) {
    day = today;
    dayText.write(new Date(today * DAY).toISOString().slice(2, 10).replaceAll('-', ''), 'latin1');
  }
  octets[at] = 0x17;
  octets[at + 1] = 13;
  for (let i = 0; i < 6; i++) octets[at + 2 + i] = dayText[i] ?? 0;
  const seconds = Math.floor((time - today * DAY) / 1000);
  writeTwo(octets, at + 8, Math.floor(seconds / 3600));
  writeTwo(octets, at + 10, Math.floor(seconds / 60) % 60);
  writeTwo(octets, at + 12, seconds % 60);
  octets[at + 14] = 0x5a;
  return at + 15;
}

function writeTwo(octets: Buffer, at: number, value: number): void {
  octets[at] = ZERO + Math.floor(value / 10);
  octets[at + 1] = ZERO + (value % 10);
}
