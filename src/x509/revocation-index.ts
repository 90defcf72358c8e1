import { DerReader } from '../der/index.js';
import type { CertificateList } from './certificate-list.js';
import { decodeRevokedCertificate, type RevokedCertificate } from './revoked-certificate.js';
import type { RevokedCertificateScanner } from './revoked-certificate-scanner.js';

const NO_OFFSETS = new Uint32Array(1);
const NO_TAGS = new Uint8Array(1);
/** Places for each entry: fuller, and the way to a free one grows long. */
const ROOM = 1.8;
/** To step over an entry takes a small part of what reading it does. */
const COUNTED_MORE = 8;

/**
 * The serial numbers of a CRL, ready to be looked up: an open-addressing table of offsets into the list's own octets, and a tag of eight bits beside each,
 * so that the octets, which are far away, are looked at for hardly any number but the right one. Nine octets an entry.
 * It is built in steps, {@link step}, so that who has a million entries need not stop the world for them.
 */
export class RevocationIndex {
  readonly #list: CertificateList;
  readonly #octets: Uint8Array;
  /** Makes it impossible to choose serial numbers that fall into one place. */
  readonly #seed: number;
  readonly #onEntry: ((scanner: RevokedCertificateScanner) => void) | undefined;
  #scanner: RevokedCertificateScanner;
  #counted = 0;
  #isCounted = false;
  #size = 0;
  #offsets = NO_OFFSETS;
  /** 0: nothing is there. */
  #tags = NO_TAGS;
  // Negative numbers, which no CA that follows the rules has.
  readonly #odd = new Map<string, number>();

  /** `seed`: any 32-bit number that outsiders do not know. `onEntry` looks at each entry once and may throw: then so does {@link step}. */
  constructor(list: CertificateList, seed: number, onEntry?: (scanner: RevokedCertificateScanner) => void) {
    this.#list = list;
    this.#octets = list.der;
    this.#seed = seed;
    this.#onEntry = onEntry;
    this.#scanner = list.scan();
  }

  /** How many serial numbers it holds. */
  get size(): number {
    return this.#size;
  }

  /** The octets of its table. */
  get tableOctets(): number {
    return this.#offsets.byteLength + this.#tags.byteLength;
  }

  /** Goes on by at most `most` entries; true when it is ready. Throws DecodeError where an entry is not strict DER, and what `onEntry` throws. */
  step(most: number): boolean {
    if (!this.#isCounted) return this.#count(most * COUNTED_MORE);
    const scanner = this.#scanner;
    for (let i = 0; i < most; i++) {
      if (!scanner.next()) return true;
      this.#onEntry?.(scanner);
      this.#insert(scanner);
    }
    return false;
  }

  /** The first pass counts, so that the table is no larger than it must be. Where it finds no entry, the second one finds out why. */
  #count(most: number): false {
    for (let i = 0; i < most; i++) {
      if (this.#scanner.skip()) {
        this.#counted++;
        continue;
      }
      this.#isCounted = true;
      const places = Math.ceil(this.#counted * ROOM) + 1;
      this.#offsets = new Uint32Array(places);
      this.#tags = new Uint8Array(places);
      this.#scanner = this.#list.scan();
      return false;
    }
    return false;
  }

  /** The entry of a serial number in lower-case hexadecimal, as {@link Certificate.serialNumber}; undefined when it has none. Of several the first. */
  find(serialNumber: string): RevokedCertificate | undefined {
    const start = this.#startOf(serialNumber);
    if (start === undefined) return undefined;
    return decodeRevokedCertificate(new DerReader(this.#octets, start), this.#list.version);
  }

  /** Whether it holds a serial number. */
  has(serialNumber: string): boolean {
    return this.#startOf(serialNumber) !== undefined;
  }

  #startOf(serialNumber: string): number | undefined {
    if (serialNumber.startsWith('-')) return this.#odd.get(serialNumber);
    const octets = SCRATCH;
    const size = octetsFromHex(serialNumber, octets);
    if (size === undefined) return undefined;
    const tags = this.#tags;
    const hash = this.#hashOf(octets, 0, size);
    const tag = tagOf(hash);
    for (let place = this.#placeOf(hash); tags[place] !== 0; place = place + 1 === tags.length ? 0 : place + 1) {
      if (tags[place] !== tag) continue;
      const start = this.#offsets[place] ?? 0;
      if (this.#isSerial(start, octets, 0, size)) return start;
    }
    return undefined;
  }

  #insert(scanner: RevokedCertificateScanner): void {
    const octets = this.#octets;
    const { start, unusual } = scanner;
    let from = scanner.serialStart;
    const to = scanner.serialEnd;
    if ((octets[from] ?? 0) >= 0x80) {
      const { serialNumber = '' } = unusual ?? {};
      if (!this.#odd.has(serialNumber)) this.#size++;
      this.#odd.set(serialNumber, this.#odd.get(serialNumber) ?? start);
      return;
    }
    if (octets[from] === 0 && to - from > 1) from++;
    const tags = this.#tags;
    const hash = this.#hashOf(octets, from, to);
    const tag = tagOf(hash);
    let place = this.#placeOf(hash);
    for (; tags[place] !== 0; place = place + 1 === tags.length ? 0 : place + 1)
      if (tags[place] === tag && this.#isSerial(this.#offsets[place] ?? 0, octets, from, to)) return;
    tags[place] = tag;
    this.#offsets[place] = start;
    this.#size++;
  }

  #hashOf(octets: Uint8Array, from: number, to: number): number {
    let hash = this.#seed;
    let at = from;
    for (; at + 4 <= to; at += 4) {
      const word =
        (octets[at] ?? 0) |
        ((octets[at + 1] ?? 0) << 8) |
        ((octets[at + 2] ?? 0) << 16) |
        ((octets[at + 3] ?? 0) << 24);
      hash = Math.imul(hash ^ word, 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    let rest = to - from;
    for (; at < to; at++) rest = (rest << 8) | (octets[at] ?? 0);
    hash = Math.imul(hash ^ rest, 0x85ebca6b);
    hash ^= hash >>> 13;
    hash = Math.imul(hash, 0xc2b2ae35);
    return (hash ^ (hash >>> 16)) >>> 0;
  }

  #placeOf(hash: number): number {
    return Math.floor((hash / 0x1_0000_0000) * this.#tags.length);
  }

  /** Whether the entry that begins at `start` is of the number `[from, to)` of `other`. */
  #isSerial(start: number, other: Uint8Array, from: number, to: number): boolean {
    const octets = this.#octets;
    const length = octets[start + 1] ?? 0;
    // Behind the header of the entry, which is longer in the long form, and that of the number.
    let at = start + (length < 0x80 ? 4 : 4 + (length & 0x7f));
    let size = octets[at - 1] ?? 0;
    if (octets[at] === 0 && size > 1) {
      at++;
      size--;
    }
    if (size !== to - from) return false;
    for (let i = 0; i < size; i++) if (octets[at + i] !== other[from + i]) return false;
    return true;
  }
}

// The low bits: the high ones say the place.
const tagOf = (hash: number): number => hash & 0xff || 1;

const SCRATCH = new Uint8Array(64);
/** The value of a hexadecimal digit, by its character; 255 for what is none. */
const HEX = new Uint8Array(128).fill(0xff);
for (const digits of ['0123456789abcdef', '0123456789ABCDEF'])
  for (let value = 0; value < 16; value++) HEX[digits.charCodeAt(value)] = value;

/** Writes the octets of hexadecimal, and gives how many they are; undefined when it is none, or none of a serial number. */
function octetsFromHex(text: string, octets: Uint8Array): number | undefined {
  const size = text.length >> 1;
  if (size * 2 !== text.length || size > octets.length) return undefined;
  let bad = 0;
  for (let i = 0; i < size; i++) {
    const [high, low] = [HEX[text.charCodeAt(2 * i)] ?? 0xff, HEX[text.charCodeAt(2 * i + 1)] ?? 0xff];
    bad |= high | low;
    octets[i] = (high << 4) | low;
  }
  return bad > 15 ? undefined : size;
}
