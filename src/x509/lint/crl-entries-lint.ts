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
 * The rules about entries, for a list that is written piece by piece: it reads back the octets of each piece as a strict reader does. Two numbers are
 * taken for the same when 64 bits of a keyed hash are: with a million entries once in some thirty million lists, and the next list has another key.
 */
export class CrlEntriesLint {
  readonly #isDelta: boolean;
  readonly #thisUpdate: Date;
  /** As a UTCTime has it, to the second. */
  readonly #thisUpdateText: Buffer;
  readonly #numbers: NumberLog;

  /** `key`: two 32-bit numbers by chance; `thisUpdate`: of the list; `expected`: about how many entries there will be. */
  constructor({
    isDelta,
    thisUpdate,
    key,
    expected,
  }: {
    readonly isDelta: boolean;
    readonly thisUpdate: Date;
    readonly key: readonly [number, number];
    readonly expected?: number;
  }) {
    this.#isDelta = isDelta;
    this.#thisUpdate = thisUpdate;
    this.#thisUpdateText = Buffer.from(thisUpdate.toISOString().replaceAll(/[-T:]/g, '').slice(2, 14));
    this.#numbers = new NumberLog(key, expected);
  }

  /** What is wrong with the first bad one of whole entries. Throws DecodeError where one is not strict DER. */
  check(entries: Uint8Array): LintFinding | undefined {
    const scanner = new RevokedCertificateScanner(entries, entries, 2);
    // Nothing is made for an entry that is right: what a million leave behind is cleared away by threads that get in the way of requests.
    while (scanner.next()) {
      const from = scanner.serialStart;
      const to = scanner.serialEnd;
      const first = entries[from] ?? 0;
      const isNotPositive = first >= 0x80 || (first === 0 && to - from === 1);
      if (isNotPositive || !this.#isReason(scanner.reason)) return this.#findingOf(entries, scanner);
      this.#numbers.add(entries, from, to);
      if (scanner.unusual === undefined && !this.#isLate(entries, to + 2)) continue;
      const found = this.#lint(entries, scanner.start)[0];
      if (found) return found;
    }
    return undefined;
  }

  #isReason(reason: number): boolean {
    return reason !== CrlReason.unspecified && (reason !== CrlReason.removeFromCRL || this.#isDelta);
  }

  /** Of an entry whose reason or number is wrong. */
  #findingOf(entries: Uint8Array, { reason, serialStart, serialEnd }: RevokedCertificateScanner): LintFinding {
    const serial = Buffer.from(entries.subarray(serialStart, serialEnd)).toString('hex');
    return this.#isReason(reason)
      ? finding(crlEntrySerialNumber, `the serial number ${serial} is not positive`)
      : finding(crlEntryReason, `the entry ${serial} gives the reason ${reason}`);
  }

  /** What is wrong with all of them together, to be asked step by step when each piece was checked. */
  *checkUnique(): Generator<LintFinding | undefined, void, undefined> {
    for (const isTwice of this.#numbers.twice())
      yield isTwice ? finding(crlEntryUnique, 'a serial number stands twice') : undefined;
  }

  /** The rules about one entry by itself. One of the usual form, with a UTCTime and a reason that is not critical, can only break that of its date. */
  #lint(entries: Uint8Array, start: number): LintFinding[] {
    const entry = readCrlEntry(new DerReader(entries, start, entries.length));
    return lintCrlEntry({ entry, thisUpdate: this.#thisUpdate });
  }

  /** Whether the UTCTime at `at` may be after thisUpdate. */
  #isLate(octets: Uint8Array, at: number): boolean {
    const text = this.#thisUpdateText;
    for (let i = 0; i < text.length; i++) {
      const one = octets[at + i] ?? 0;
      const other = text[i] ?? 0;
      if (one !== other) return one > other;
    }
    return false;
  }
}
