import { DerReader } from '../der/index.js';
import type { CertificateList } from './certificate-list.js';
import { decodeRevokedCertificate, type RevokedCertificate } from './revoked-certificate.js';
import type { RevokedCertificateScanner } from './revoked-certificate-scanner.js';

const EMPTY = new Uint32Array(1);
/** To step over an entry takes a small part of what reading it does. */
const COUNTED_MORE = 8;

/**
 * The serial numbers of a CRL, ready to be looked up: an open-addressing table of offsets into the list's own octets, eight octets an entry.
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
  #table = EMPTY;
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
    return this.#table.byteLength;
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
      this.#table = new Uint32Array(this.#counted * 2 + 1);
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
    const size = octets.write(serialNumber, 0, 'hex');
    if (size * 2 !== serialNumber.length) return undefined;
    const table = this.#table;
    for (let slot = this.#slotOf(octets, 0, size); ; slot = slot + 1 === table.length ? 0 : slot + 1) {
      const start = table[slot] ?? 0;
      if (start === 0) return undefined;
      if (this.#isSerial(start, octets, 0, size)) return start;
    }
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
    const table = this.#table;
    let slot = this.#slotOf(octets, from, to);
    for (; table[slot] !== 0; slot = slot + 1 === table.length ? 0 : slot + 1)
      if (this.#isSerial(table[slot] ?? 0, octets, from, to)) return;
    table[slot] = start;
    this.#size++;
  }

  #slotOf(octets: Uint8Array, from: number, to: number): number {
    let hash = this.#seed;
    for (let i = from; i < to; i++) hash = Math.imul(hash ^ (octets[i] ?? 0), 0x01000193) + (hash >>> 15);
    hash ^= hash >>> 16;
    hash = Math.imul(hash, 0x85ebca6b);
    hash ^= hash >>> 13;
    hash = Math.imul(hash, 0xc2b2ae35);
    hash ^= hash >>> 16;
    return Math.floor(((hash >>> 0) / 0x1_0000_0000) * this.#table.length);
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

const SCRATCH = Buffer.alloc(64);
