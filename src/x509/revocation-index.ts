import { DerReader } from '../der/index.js';
import type { CertificateList } from './certificate-list.js';
import { decodeRevokedCertificate, isFinal, type RevokedCertificate } from './revoked-certificate.js';
import type { RevokedCertificateScanner } from './revoked-certificate-scanner.js';

/** Places for each entry. In a fuller table the way to a free place grows long. */
const ROOM = 1.8;
/** Stepping over an entry takes a small part of the time that reading it does. */
const COUNTED_MORE = 8;

/** The contents of an index, to be handed to another thread together with the list's octets. Nobody may change it. */
export interface RevocationTable {
  readonly seed: number;
  /** How many serial numbers it holds. */
  readonly size: number;
  /** For each place, where its entry begins. */
  readonly offsets: Uint32Array;
  /** For each place, the tag of its entry; 0 when the place is free. */
  readonly tags: Uint8Array;
}

/**
 * The serial numbers of a CRL, ready to be looked up: an open-addressing table of offsets into the list's own octets, with a tag of eight bits beside each, so
 * that the octets, which are far away in memory, are looked at for hardly any number but the right one. It takes nine octets for each entry, and is built in
 * steps ({@link step}), so that a million entries need not stop the event loop.
 */
export class RevocationIndex {
  readonly #list: CertificateList;
  readonly #octets: Uint8Array;
  readonly #view: DataView;
  /** Without it nobody can choose serial numbers that all fall into one place. */
  readonly #seed: number;
  readonly #onEntry: ((scanner: RevokedCertificateScanner) => void) | undefined;
  readonly #allocate: (octets: number) => ArrayBufferLike;
  #scanner: RevokedCertificateScanner;
  #counted = 0;
  #isCounted = false;
  #size = 0;
  #offsets: Uint32Array = new Uint32Array(1);
  #tags: Uint8Array = new Uint8Array(1);

  /**
   * `seed` is a 32-bit number that outsiders do not know. `onEntry` sees each entry once; what it throws, {@link step} throws. `allocate` returns the memory
   * for the table, all 0.
   */
  constructor(
    list: CertificateList,
    seed: number,
    onEntry?: (scanner: RevokedCertificateScanner) => void,
    allocate = (octets: number): ArrayBufferLike => new ArrayBuffer(octets),
  ) {
    this.#list = list;
    this.#octets = list.der;
    this.#view = new DataView(list.der.buffer, list.der.byteOffset, list.der.byteLength);
    this.#seed = seed;
    this.#onEntry = onEntry;
    this.#allocate = allocate;
    this.#scanner = list.scan();
  }

  /** A finished index, from the table of another one of the same list. */
  static restore(list: CertificateList, { seed, size, offsets, tags }: RevocationTable): RevocationIndex {
    const index = new RevocationIndex(list, seed);
    [index.#size, index.#offsets, index.#tags] = [size, offsets, tags];
    return index;
  }

  /** How many serial numbers it holds. */
  get size(): number {
    return this.#size;
  }

  /** What {@link restore} takes, once the index is ready. */
  get table(): RevocationTable {
    return { seed: this.#seed, size: this.#size, offsets: this.#offsets, tags: this.#tags };
  }

  /** Takes up at most `most` further entries; true when the index is ready. Throws DecodeError where an entry is not strict DER, and what `onEntry` throws. */
  step(most: number): boolean {
    if (!this.#isCounted) return this.#count(most * COUNTED_MORE);
    for (let left = most; left > 0; left -= BATCH) if (!this.#readBatch(Math.min(left, BATCH))) return true;
    return false;
  }

  /** Reads some entries first and then finds places for them: the memory of one place is fetched while the next is looked for. False at the end. */
  #readBatch(most: number): boolean {
    const scanner = this.#scanner;
    let count = 0;
    for (; count < most && scanner.next(); count++) {
      this.#onEntry?.(scanner);
      const { serialStart, serialEnd } = scanner;
      batch.starts[count] = scanner.start;
      batch.from[count] = serialStart;
      batch.to[count] = serialEnd;
      batch.hashes[count] = this.#hashOf(this.#view, serialStart, serialEnd);
      batch.reasons[count] = scanner.reason;
    }
    for (let i = 0; i < count; i++) this.#insert(i);
    return count === most;
  }

  /** The first pass counts, so that the table is no larger than it must be. Where it finds no entry, the second pass finds out why. */
  #count(most: number): false {
    for (let i = 0; i < most; i++) {
      if (this.#scanner.skip()) {
        this.#counted++;
        continue;
      }
      this.#isCounted = true;
      const places = Math.ceil(this.#counted * ROOM) + 1;
      const table = this.#allocate(places * 5);
      this.#offsets = new Uint32Array(table, 0, places);
      this.#tags = new Uint8Array(table, places * 4, places);
      this.#scanner = this.#list.scan();
      return false;
    }
    return false;
  }

  /**
   * The entry of a serial number in lower-case hexadecimal, as {@link Certificate.serialNumber}; undefined when there is none. Of several entries it is one
   * that revokes for good, or else the first.
   */
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
    const size = contentsFromHex(serialNumber, SCRATCH);
    if (size === undefined) return undefined;
    const place = this.#placeFor(this.#hashOf(SCRATCH_VIEW, 0, size), SCRATCH, 0, size);
    return this.#tags[place] === 0 ? undefined : this.#offsets[place];
  }

  /** Gives an entry of the batch its place. */
  #insert(i: number): void {
    const hash = batch.hashes[i] ?? 0;
    const place = this.#placeFor(hash, this.#octets, batch.from[i] ?? 0, batch.to[i] ?? 0);
    if (this.#tags[place] === 0) {
      this.#tags[place] = tagOf(hash);
      this.#size++;
    } else if (!isFinal({ reason: batch.reasons[i] })) return;
    this.#offsets[place] = batch.starts[i] ?? 0;
  }

  /** The place of the number whose contents are `[from, to)` of `other`, or the free place where it would go. */
  #placeFor(hash: number, other: Uint8Array, from: number, to: number): number {
    const tags = this.#tags;
    const tag = tagOf(hash);
    let place = Math.floor((hash / 0x1_0000_0000) * tags.length);
    for (; tags[place] !== 0; place = place + 1 === tags.length ? 0 : place + 1)
      if (tags[place] === tag && this.#isSerial(this.#offsets[place] ?? 0, other, from, to)) return place;
    return place;
  }

  #hashOf(octets: DataView, from: number, to: number): number {
    let hash = this.#seed;
    let at = from;
    for (; at + 4 <= to; at += 4) {
      hash = Math.imul(hash ^ octets.getInt32(at, true), 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    let rest = to - from;
    for (; at < to; at++) rest = (rest << 8) | octets.getUint8(at);
    hash = Math.imul(hash ^ rest, 0x85ebca6b);
    return (hash ^ (hash >>> 16)) >>> 0;
  }

  /** Whether the entry that begins at `start` is of the number whose contents are `[from, to)` of `other`. */
  #isSerial(start: number, other: Uint8Array, from: number, to: number): boolean {
    const octets = this.#octets;
    const length = octets[start + 1] ?? 0;
    // After the header of the entry, which is longer in the long form, and the header of the number.
    const at = start + (length < 0x80 ? 4 : 4 + (length & 0x7f));
    const size = octets[at - 1] ?? 0;
    if (size !== to - from) return false;
    for (let i = 0; i < size; i++) if (octets[at + i] !== other[from + i]) return false;
    return true;
  }
}

// Of the low bits, as the high ones choose the place.
const tagOf = (hash: number): number => hash & 0xff || 1;

const BATCH = 250;
const batch = {
  starts: new Uint32Array(BATCH),
  hashes: new Uint32Array(BATCH),
  from: new Uint32Array(BATCH),
  to: new Uint32Array(BATCH),
  reasons: new Int8Array(BATCH),
} as const;

const SCRATCH = new Uint8Array(64);
const SCRATCH_VIEW = new DataView(SCRATCH.buffer);
/** The value of a hexadecimal digit by its character code; 255 for any other character. */
const HEX = new Uint8Array(128).fill(0xff);
for (const digits of ['0123456789abcdef', '0123456789ABCDEF'])
  for (let value = 0; value < 16; value++) HEX[digits.charCodeAt(value)] = value;

/** Writes the contents of the INTEGER that a serial number in hexadecimal stands for, and returns their length; undefined when the text is not one. */
function contentsFromHex(text: string, octets: Uint8Array): number | undefined {
  const sign = text.startsWith('-') ? 1 : 0;
  const digits = text.length - sign;
  const size = digits >> 1;
  if (size * 2 !== digits || size === 0 || size >= octets.length) return undefined;
  // An octet in front for the sign: a positive number has it when its first bit is set, a negative one may.
  const lead = sign === 1 || valueAt(text, 0) >= 8 ? 1 : 0;
  octets[0] = 0;
  let bad = 0;
  for (let i = 0; i < size; i++) {
    const high = valueAt(text, sign + 2 * i);
    const low = valueAt(text, sign + 2 * i + 1);
    bad |= high | low;
    octets[lead + i] = (high << 4) | low;
  }
  if (bad > 15) return undefined;
  if (sign === 0) return size + lead;
  negate(octets, size + 1);
  // X.690 §8.3.2: the first nine bits are never all the same.
  if (octets[0] !== 0xff || (octets[1] ?? 0) < 0x80) return size + 1;
  octets.copyWithin(0, 1, size + 1);
  return size;
}

/** The value of the hexadecimal digit at `index`; 255 for any other character. */
const valueAt = (text: string, index: number): number => HEX[text.charCodeAt(index)] ?? 0xff;

/** Two's complement, in place. */
function negate(octets: Uint8Array, size: number): void {
  let carry = 1;
  for (let i = size - 1; i >= 0; i--) {
    const octet = (~(octets[i] ?? 0) & 0xff) + carry;
    octets[i] = octet & 0xff;
    carry = octet >> 8;
  }
}
