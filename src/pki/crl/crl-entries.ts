import { setImmediate } from 'node:timers/promises';
import { listReleases, readRevocationPage, revokedShards, type Database } from '../../store/index.js';
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

// Some tenths of a millisecond of the event loop each.
const PAGE = 500;

/** The entries of a list from the rows of `database`, a page at a time. The event loop has its turn behind each. Throws PkiError `lint_failed` for a reason that is none. */
export async function* crlEntries(database: Database, contents: CrlContents): AsyncGenerator<Uint8Array> {
  const { issuer, scope, after, validUntil } = contents;
  if (scope === 'delta') {
    yield* revoked(database, { issuer, after, validUntil });
    yield* released(database, issuer, after);
  } else if (scope === 'complete')
    for await (const shard of revokedShards(database, issuer)) yield* revoked(database, { issuer, shard, after, validUntil });
  else yield* revoked(database, { issuer, shard: Number(scope), after, validUntil });
}

async function* revoked(
  database: Database,
  part: { readonly issuer: string; readonly shard?: number; readonly after: number; readonly validUntil: Date | undefined },
): AsyncGenerator<Uint8Array> {
  let { after } = part;
  for (;;) {
    const page = await readRevocationPage(database, { ...part, after, limit: PAGE });
    if (page.entries > 0) yield encodePage(page.text);
    if (page.entries < PAGE) return;
    after = page.last;
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

const REASON_EXTENSION = Buffer.from('300c300a0603551d1504030a0100', 'hex');
const DAY = 86_400_000;
// SEQUENCE, serial number of 21 octets, time, reason.
const LONGEST = 2 + 23 + 15 + REASON_EXTENSION.length;
/** The last milliseconds of UTCTime (RFC 5280 §5.1.2.6). */
const LAST_UTC_TIME = Date.UTC(2050, 0, 1) - 1;

/** The entries of {@link RevocationPage.text}. The usual ones are written in place: an object for each would take longer than all the rest. */
export function encodePage(text: string): Uint8Array {
  const octets = Buffer.allocUnsafe(Math.ceil(text.length / 20) * LONGEST);
  let end = 0;
  const unusual: Uint8Array[] = [];
  for (let from = 0; from < text.length;) {
    let to = text.indexOf(',', from);
    if (to < 0) to = text.length;
    const serialEnd = text.indexOf(' ', from);
    const timeEnd = text.indexOf(' ', serialEnd + 1);
    const reasonEnd = text.indexOf(' ', timeEnd + 1);
    const hasMore = reasonEnd >= 0 && reasonEnd < to;
    const revokedAt = Number(text.slice(serialEnd + 1, timeEnd));
    const reason = reasonOf(text.slice(timeEnd + 1, hasMore ? reasonEnd : to));
    if (hasMore || revokedAt > LAST_UTC_TIME || revokedAt < 0)
      unusual.push(
        encodeRevokedCertificate({
          serialNumber: Buffer.from(text.slice(from, serialEnd), 'hex'),
          revocationDate: new Date(revokedAt),
          reason,
          invalidityDate: hasMore ? new Date(Number(text.slice(reasonEnd + 1, to))) : undefined,
        }),
      );
    else end = writeEntry(octets, end, { text, from, to: serialEnd }, revokedAt, reason);
    from = to + 1;
  }
  return unusual.length === 0 ? octets.subarray(0, end) : Buffer.concat([octets.subarray(0, end), ...unusual]);
}

/** Writes an entry of the usual form at `at`, from the hexadecimal `[from, to)` of `text`, and gives where it ends. */
function writeEntry(
  octets: Buffer,
  at: number,
  { text, from, to }: { readonly text: string; readonly from: number; readonly to: number },
  revokedAt: number,
  reason: number,
): number {
  let digits = from;
  while (digits + 2 < to && text.charCodeAt(digits) === ZERO && text.charCodeAt(digits + 1) === ZERO) digits += 2;
  // A first octet from 80 would make it negative.
  const pad = text.charCodeAt(digits) >= EIGHT ? 1 : 0;
  const size = (to - digits) / 2 + pad;
  octets[at] = 0x30;
  octets[at + 1] = size + 2 + 15 + (reason === 0 ? 0 : REASON_EXTENSION.length);
  octets[at + 2] = 0x02;
  octets[at + 3] = size;
  let end = at + 4;
  if (pad === 1) octets[end++] = 0;
  for (; digits < to; digits += 2) octets[end++] = hex(text.charCodeAt(digits)) * 16 + hex(text.charCodeAt(digits + 1));
  end = writeUtcTime(octets, end, revokedAt);
  if (reason === 0) return end;
  octets.set(REASON_EXTENSION, end);
  end += REASON_EXTENSION.length;
  octets[end - 1] = reason;
  return end;
}

const ZERO = 0x30;
const EIGHT = 0x38;
const hex = (code: number): number => (code > 0x39 ? code - 0x57 : code - ZERO);

let day = Number.NaN;
let dayText = '';

/** A UTCTime; dates of one day mostly follow each other. */
function writeUtcTime(octets: Buffer, at: number, time: number): number {
  const today = Math.floor(time / DAY);
  if (today !== day) {
    day = today;
    dayText = new Date(today * DAY).toISOString().slice(2, 10).replaceAll('-', '');
  }
  octets[at] = 0x17;
  octets[at + 1] = 13;
  for (let i = 0; i < 6; i++) octets[at + 2 + i] = dayText.charCodeAt(i);
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

const reasons = new Map<string, number>(Object.entries(CrlReason));

function reasonOf(name: string): number {
  const reason = reasons.get(name);
  if (reason === undefined) throw new PkiError('lint_failed', `${name} is no reason of RFC 5280 §5.3.1`);
  return reason;
}
