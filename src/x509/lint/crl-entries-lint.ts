import { CrlReason } from '../revoked-certificate.js';
import { RevokedCertificateScanner } from '../revoked-certificate-scanner.js';
import { crlEntryReason } from './crl/crl-entry-reason.js';
import { crlEntrySerialNumber } from './crl/crl-entry-serial-number.js';
import { crlEntryUnique } from './crl/crl-entry-unique.js';
import type { LintFinding } from './lint-rule.js';
import { NumberSet } from './number-set.js';

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
  readonly #numbers: NumberSet;

  /** `key`: two 32-bit numbers by chance. */
  constructor({ isDelta, key }: { readonly isDelta: boolean; readonly key: readonly [number, number] }) {
    this.#isDelta = isDelta;
    this.#numbers = new NumberSet(key);
  }

  /** What is wrong with the first bad one of whole entries. Throws DecodeError where one is not strict DER. */
  check(entries: Uint8Array): LintFinding | undefined {
    const scanner = new RevokedCertificateScanner(entries, entries, 2);
    while (scanner.next()) {
      const { reason, serialStart: from, serialEnd: to } = scanner;
      const serial = (): string => Buffer.from(entries.subarray(from, to)).toString('hex');
      if (reason === CrlReason.unspecified || (reason === CrlReason.removeFromCRL && !this.#isDelta))
        return finding(crlEntryReason, `the entry ${serial()} gives the reason ${reason}`);
      const first = entries[from] ?? 0;
      if (first >= 0x80 || (first === 0 && to - from === 1))
        return finding(crlEntrySerialNumber, `the serial number ${serial()} is not positive`);
      if (!this.#numbers.add(entries, from, to))
        return finding(crlEntryUnique, `the serial number ${serial()} stands twice`);
    }
    return undefined;
  }
}
