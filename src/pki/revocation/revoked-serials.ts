import { randomInt } from 'node:crypto';
import { CrlReason, RevokedCertificateScanner } from '../../x509/index.js';

/** When and why a serial number was revoked, as in its CRL entry; the time is in whole seconds. */
export interface RevokedSerial {
  readonly reason: string;
  readonly revokedAt: Date;
}

const PARTS = 256;
const SMALLEST = 8;
// Layout of a record: length (1 octet), serial number (20), reason (1), time (6).
const LENGTH_AT = 0;
const NUMBER_AT = 1;
const REASON_AT = 21;
const TIME_AT = 22;
const RECORD = 28;
/** The value of the reason octet when the serial number is no longer revoked. */
const RELEASED = 0xff;

const names = new Map<number, string>(Object.entries(CrlReason).map(([name, code]) => [code, name]));

/**
 * Stores revoked serial numbers in records of 28 octets, outside the JavaScript heap: a million objects would block the process at each garbage collection.
 * They are spread over 256 small hash tables, so that growing one takes little time.
 */
export class RevokedSerials {
  readonly #seed = randomInt(0x1_0000_0000);
  readonly #parts = Array.from({ length: PARTS }, () => new Part());
  readonly #number = Buffer.alloc(REASON_AT);

  /** Adds the serial numbers of concatenated CRL entries, or changes their reasons. Throws DecodeError when an entry is not strict DER. */
  add(entries: Uint8Array): void {
    const scanner = new RevokedCertificateScanner(entries, entries, 2);
    while (scanner.next()) {
      const { serialStart, serialEnd, reason, unusual } = scanner;
      // The leading zero octet, which only keeps the INTEGER from being negative, is dropped.
      const start = entries[serialStart] === 0 && serialEnd - serialStart > 1 ? serialStart + 1 : serialStart;
      this.#number.fill(0);
      this.#number.set(entries.subarray(start, serialEnd), NUMBER_AT);
      this.#number[LENGTH_AT] = serialEnd - start;
      const part = this.#part();
      const record =
        part.find(this.#number, this.#hash) ?? part.add(this.#number, this.#hash, (at) => this.#hashAt(part, at));
      part.records[record + REASON_AT] = reason < 0 ? CrlReason.unspecified : reason;
      const revokedAt = unusual?.revocationDate.getTime() ?? utcTime(entries, serialEnd + 2);
      part.records.writeUIntBE(revokedAt, record + TIME_AT, 6);
    }
  }

  get(serialNumber: string): RevokedSerial | undefined {
    const part = this.#partOf(serialNumber);
    const record = part.find(this.#number, this.#hash);
    const reason = record === undefined ? RELEASED : (part.records[record + REASON_AT] ?? RELEASED);
    if (record === undefined || reason === RELEASED) return undefined;
    return {
      reason: names.get(reason) ?? 'unspecified',
      revokedAt: new Date(part.records.readUIntBE(record + TIME_AT, 6)),
    };
  }

  /** Marks a serial number as no longer revoked. */
  delete(serialNumber: string): void {
    const part = this.#partOf(serialNumber);
    const record = part.find(this.#number, this.#hash);
    if (record !== undefined) part.records[record + REASON_AT] = RELEASED;
  }

  #hash = 0;

  /** Sets `#number` and `#hash`, which the other methods use, and returns the number's table. */
  #partOf(serialNumber: string): Part {
    this.#number.fill(0);
    this.#number[LENGTH_AT] = this.#number.write(serialNumber, NUMBER_AT, 'hex');
    return this.#part();
  }

  #part(): Part {
    this.#hash = hashOf(this.#number, 0, this.#seed);
    const part = this.#parts[this.#hash >>> 24];
    if (!part) throw new RangeError('a hash has 32 bits');
    return part;
  }

  #hashAt({ records }: Part, record: number): number {
    return hashOf(records, record, this.#seed);
  }
}

/** A hash table with open addressing: `#table` holds 1 + the index of a record, `records` the records themselves. */
class Part {
  records = Buffer.alloc((SMALLEST / 2) * RECORD);
  #table = new Uint32Array(SMALLEST);
  #size = 0;

  /** The offset of a number's record in `records`; undefined when there is none. */
  find(number: Buffer, hash: number): number | undefined {
    const table = this.#table;
    for (let slot = hash & (table.length - 1); ; slot = (slot + 1) & (table.length - 1)) {
      const place = table[slot] ?? 0;
      if (place === 0) return undefined;
      const record = (place - 1) * RECORD;
      if (number.compare(this.records, record, record + REASON_AT) === 0) return record;
    }
  }

  /** Adds a record, marked as released, and returns its offset. `hashAt` computes the hash of an existing record, for growing. */
  add(number: Buffer, hash: number, hashAt: (record: number) => number): number {
    if ((this.#size + 1) * 2 > this.#table.length) this.#grow(hashAt);
    const record = this.#size * RECORD;
    number.copy(this.records, record);
    this.records[record + REASON_AT] = RELEASED;
    this.#place(hash, ++this.#size);
    return record;
  }

  #place(hash: number, place: number): void {
    const table = this.#table;
    let slot = hash & (table.length - 1);
    while (table[slot] !== 0) slot = (slot + 1) & (table.length - 1);
    table[slot] = place;
  }

  #grow(hashAt: (record: number) => number): void {
    this.#table = new Uint32Array(this.#table.length * 2);
    const records = Buffer.alloc((this.#table.length / 2) * RECORD);
    this.records.copy(records);
    this.records = records;
    for (let place = 1; place <= this.#size; place++) this.#place(hashAt((place - 1) * RECORD), place);
  }
}

function hashOf(octets: Buffer, at: number, seed: number): number {
  let hash = seed;
  for (let i = at; i < at + REASON_AT; i++) hash = Math.imul(hash ^ (octets[i] ?? 0), 0x01000193) + (hash >>> 15);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Decodes the digits of a UTCTime, `YYMMDDHHMMSS` (RFC 5280 §4.1.2.5.1), to milliseconds since 1970. */
function utcTime(octets: Uint8Array, at: number): number {
  const two = (i: number): number => (octets[at + i] ?? 0) * 10 + (octets[at + i + 1] ?? 0) - 0x30 * 11;
  const year = two(0);
  return Date.UTC(year < 50 ? 2000 + year : 1900 + year, two(2) - 1, two(4), two(6), two(8), two(10));
}
