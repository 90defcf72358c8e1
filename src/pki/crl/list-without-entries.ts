import { closeSync, openSync, readSync } from 'node:fs';
import { Tag, write } from '../../der/index.js';
import { decodeCertificateList, type CertificateList } from '../../x509/index.js';

/** What stands before the entries of a list, and what stands behind them, is far less. */
const MOST = 64 * 1024;
const DATES: readonly number[] = [Tag.UTC_TIME, Tag.GENERALIZED_TIME];

/** From one octet up to another. */
interface Span {
  readonly from: number;
  readonly to: number;
}

/**
 * The list in a file, read as if it had no entries, of which there may be a million. Its signature is that of the whole list. Throws what the file system
 * throws, and DecodeError or RangeError for what is no list.
 */
export function listWithoutEntries(path: string): CertificateList {
  const file = openSync(path, 'r');
  try {
    const before = octetsAt(file, 0);
    const list = spanAt(before, 0);
    const tbs = spanAt(before, list.from);
    const { from, to } = entriesIn(before, tbs);
    const after = octetsAt(file, to);
    return decodeCertificateList(
      write.sequence(
        write.sequence(before.subarray(tbs.from, from), after.subarray(0, tbs.to - to)),
        after.subarray(tbs.to - to, list.to - to),
      ),
    );
  } finally {
    closeSync(file);
  }
}

function octetsAt(file: number, position: number): Buffer {
  const octets = Buffer.alloc(MOST);
  return octets.subarray(0, readSync(file, octets, { position }));
}

/** Where the contents of an element are, which may go on beyond `octets`. */
function spanAt(octets: Buffer, at: number): Span {
  const first = octets.readUInt8(at + 1);
  const more = first < 0x80 ? 0 : first & 0x7f;
  const from = at + 2 + more;
  return { from, to: from + (more === 0 ? first : octets.readUIntBE(at + 2, more)) };
}

/** Where revokedCertificates (RFC 5280 §5.1.2.6), with its header, begins and ends: behind the last of the dates, and empty where it is absent. */
function entriesIn(octets: Buffer, tbs: Span): Span {
  const isDate = (at: number): boolean => at < tbs.to && DATES.includes(octets.readUInt8(at));
  let at = tbs.from;
  while (at < tbs.to && !isDate(at)) at = spanAt(octets, at).to;
  while (isDate(at)) at = spanAt(octets, at).to;
  const isThere = at < tbs.to && octets.readUInt8(at) === Tag.SEQUENCE;
  return { from: at, to: isThere ? spanAt(octets, at).to : at };
}
