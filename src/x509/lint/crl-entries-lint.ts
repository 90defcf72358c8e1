import { DerReader } from '../../der/index.js';
import { CrlReason } from '../revoked-certificate.js';
import { RevokedCertificateScanner } from '../revoked-certificate-scanner.js';
import { crlEntryReason } from './crl/crl-entry-reason.js';
import { crlEntrySerialNumber } from './crl/crl-entry-serial-number.js';
import { crlEntryUnique } from './crl/crl-entry-unique.js';
import { readCrlEntry } from './crl-entry.js';
import { lintCrlEntry } from './lint-crl.js';
import type { LintFinding } from './lint-rule.js';
import { NumberLog } from './number-log.js';

const finding = ({ name: rule, source }: { name: string; source: string }, message: string): LintFinding => ({
  rule,
  source,
  message,
});

/**
 * Applies the rules about entries to a list that is written piece by piece, by decoding the octets of each piece as a strict reader does. It takes four octets
 * of memory for each entry; when two serial numbers may be equal by that, as in one list of ten with a million entries, it looks at the pieces again.
 */
export class CrlEntriesLint {
  readonly #isDelta: boolean;
  readonly #thisUpdate: Date;
  /** `thisUpdate` as the digits of a UTCTime, in whole seconds: four in each number. */
  readonly #thisUpdateDigits: readonly number[];
  readonly #numbers: NumberLog;

  /**
   * `key`: two random 32-bit numbers. `thisUpdate`: that of the list. `expected`: the approximate number of entries. `before`: the lint of a
   * list that is done, whose memory this one takes over.
   */
  constructor({
    isDelta,
    thisUpdate,
    key,
    expected,
    before,
  }: {
    readonly isDelta: boolean;
    readonly thisUpdate: Date;
    readonly key: readonly [number, number];
    readonly expected?: number;
    readonly before?: CrlEntriesLint | undefined;
  }) {
    this.#isDelta = isDelta;
    this.#thisUpdate = thisUpdate;
    const digits = Buffer.from(thisUpdate.toISOString().replaceAll(/[-T:]/g, '').slice(2, 14));
    this.#thisUpdateDigits = [0, 4, 8].map((at) => digits.readUint32BE(at));
    this.#numbers = before ? before.#numbers.restart(key, expected) : new NumberLog(key, expected);
  }

  /**
   * The finding about the first wrong entry in a piece, which must consist of whole entries; undefined when all are right. Throws DecodeError when an
   * entry is not strict DER.
   */
  check(entries: Uint8Array): LintFinding | undefined {
    const scanner = new RevokedCertificateScanner(entries, entries, 2);
    const view = viewOf(entries);
    // Allocates nothing for a correct entry: collecting the garbage of a million entries would slow down requests.
    while (scanner.next()) {
      const from = scanner.serialStart;
      const to = scanner.serialEnd;
      const first = entries[from] ?? 0;
      const isNotPositive = first >= 0x80 || (first === 0 && to - from === 1);
      if (isNotPositive || !this.#isReason(scanner.reason)) return this.#findingOf(scanner);
      this.#numbers.add(view, from, to);
      if (scanner.unusual === undefined && !this.#isLate(view, to + 2)) continue;
      const found = this.#lint(entries, scanner.start)[0];
      if (found) return found;
    }
    return undefined;
  }

  #isReason(reason: number): boolean {
    return reason !== CrlReason.unspecified && (reason !== CrlReason.removeFromCRL || this.#isDelta);
  }

  /** The finding about an entry whose reason or serial number is wrong. */
  #findingOf({ reason, serialNumber }: RevokedCertificateScanner): LintFinding {
    return this.#isReason(reason)
      ? finding(crlEntrySerialNumber, `the serial number ${serialNumber} is not positive`)
      : finding(crlEntryReason, `the entry ${serialNumber} gives the reason ${reason}`);
  }

  /** The findings about all entries together, step by step. Call it after every piece was checked; `again` gives those pieces once more. */
  *checkUnique(again: () => Iterable<Uint8Array>): Generator<LintFinding | undefined, void, undefined> {
    const repeated = new Set<number>();
    for (const hashes of this.#numbers.repeated()) {
      for (const hash of hashes) repeated.add(hash);
      yield undefined;
    }
    if (repeated.size === 0) return;
    const serials = new Set<string>();
    for (const entries of again()) {
      const scanner = new RevokedCertificateScanner(entries, entries, 2);
      const view = viewOf(entries);
      while (scanner.next()) {
        if (!repeated.has(this.#numbers.hashOf(view, scanner.serialStart, scanner.serialEnd))) continue;
        const { serialNumber } = scanner;
        if (serials.has(serialNumber)) yield finding(crlEntryUnique, `the serial number ${serialNumber} occurs twice`);
        serials.add(serialNumber);
      }
      yield undefined;
    }
  }

  /**
   * Applies the rules about a single entry. An entry of the usual form (a UTCTime, a reason that is not critical) can only break the rule about the
   * date.
   */
  #lint(entries: Uint8Array, start: number): LintFinding[] {
    const entry = readCrlEntry(new DerReader(entries, start, entries.length));
    return lintCrlEntry({ entry, thisUpdate: this.#thisUpdate });
  }

  /** Whether the digits of a UTCTime, which begin at `at`, are after those of thisUpdate. */
  #isLate(octets: DataView, at: number): boolean {
    const digits = this.#thisUpdateDigits;
    for (let i = 0; i < digits.length; i++) {
      const [own, other] = [octets.getUint32(at + 4 * i), digits[i] ?? 0];
      if (own !== other) return own > other;
    }
    return false;
  }
}

const viewOf = ({ buffer, byteOffset, byteLength }: Uint8Array): DataView =>
  new DataView(buffer, byteOffset, byteLength);
