import type { Certificate } from '../certificate.js';
import type { CertificateList } from '../certificate-list.js';
import type { WrittenCrlEntry } from './crl-entry.js';
import type { BasicOcspResponse } from '../ocsp/ocsp-response.js';
import type { OcspRequest } from '../ocsp/ocsp-request.js';

/** A certificate before it is signed, and where it will stand. */
export interface CertificateLintSubject {
  /** Read back from the octets that are to be signed; what stands in place of the signature does not count. */
  readonly certificate: Certificate;
  /** Undefined for a root, which signs itself. */
  readonly issuer: Certificate | undefined;
  /** The issuer's own path, issuer first, root last; empty for a root. */
  readonly chain: readonly Certificate[];
}

/** An entry as the lint looks at it. `serialNumber` as {@link Certificate.serialNumber}; `reason` is undefined when the entry gives none. */
export interface LintedEntry {
  readonly serialNumber: string;
  readonly reason: number | undefined;
}

/** A CRL before it is signed. */
export interface CrlLintSubject {
  /** Read back from the octets that are to be signed. */
  readonly list: CertificateList;
  /** What was written into `list`, or is read from it: who writes the entries need not decode them again. */
  readonly entries: Iterable<LintedEntry>;
  readonly issuer: Certificate;
  /** The last list of this issuer; undefined for its first. */
  readonly previous: { readonly number: number | bigint; readonly thisUpdate: Date } | undefined;
}

/** One entry of a CRL before it is signed, and the list's `thisUpdate`. */
export interface CrlEntryLintSubject {
  readonly entry: WrittenCrlEntry;
  readonly thisUpdate: Date;
}

/** An OCSP response before it is signed. */
export interface OcspLintSubject {
  /** Read back from the octets that are to be signed; what stands in place of the signature does not count. */
  readonly response: BasicOcspResponse;
  /** What it answers. */
  readonly request: Pick<OcspRequest, 'certIds' | 'nonce'>;
  /** The certificate of who signs it. */
  readonly responder: Certificate;
  /** The CA whose certificates it is about. */
  readonly issuer: Certificate;
}

/** One rule, in a file of its own: its name, the one place where it is written, and what is wrong, or undefined when nothing is. */
export interface LintRule<Subject> {
  /** In kebab-case, as the file. */
  readonly name: string;
  /** `RFC 5280 §4.1.2.2`. */
  readonly source: string;
  readonly check: (subject: Subject) => string | undefined;
}

export type CertificateLintRule = LintRule<CertificateLintSubject>;
export type CrlLintRule = LintRule<CrlLintSubject>;
export type CrlEntryLintRule = LintRule<CrlEntryLintSubject>;
export type OcspLintRule = LintRule<OcspLintSubject>;

/** A rule that is broken. */
export interface LintFinding {
  readonly rule: string;
  readonly source: string;
  readonly message: string;
}

/** What the rules find, in their order. For who has rules of their own beside those here. */
export function findingsOf<Subject>(rules: readonly LintRule<Subject>[], subject: Subject): LintFinding[] {
  const findings: LintFinding[] = [];
  for (const { name, source, check } of rules) {
    const message = check(subject);
    if (message !== undefined) findings.push({ rule: name, source, message });
  }
  return findings;
}

/** `serial-number-positive: the serial number is 00 (RFC 5280 §4.1.2.2)`. */
export const lintFindingToString = ({ rule, source, message }: LintFinding): string =>
  `${rule}: ${message} (${source})`;

/** Whether a certificate says that it is a CA's. */
export const isAuthority = ({ extensions }: Certificate): boolean => extensions.basicConstraints?.cA === true;
