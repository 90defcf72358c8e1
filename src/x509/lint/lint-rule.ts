import type { Certificate } from '../certificate.js';
import type { CertificateList } from '../certificate-list.js';
import type { WrittenCrlEntry } from './crl-entry.js';
import type { BasicOcspResponse } from '../ocsp/ocsp-response.js';
import type { OcspRequest } from '../ocsp/ocsp-request.js';

/** A certificate before it is signed, and its place in the path. */
export interface CertificateLintSubject {
  /** Read back from the octets that are to be signed; what stands in place of the signature does not count. */
  readonly certificate: Certificate;
  /** Undefined for a root, which signs itself. */
  readonly issuer: Certificate | undefined;
  /** The issuer's own path, issuer first, root last; empty for a root. */
  readonly chain: readonly Certificate[];
}

/**
 * The parts of a CRL entry that the rules look at. `serialNumber` has the form of {@link Certificate.serialNumber}; `reason` is undefined when the
 * entry has no reason.
 */
export interface LintedEntry {
  readonly serialNumber: string;
  readonly reason: number | undefined;
}

/** A CRL before it is signed. */
export interface CrlLintSubject {
  /** Read back from the octets that are to be signed. */
  readonly list: CertificateList;
  /** The entries of `list`. The caller that wrote them can pass them, so that they need not be decoded again. */
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
  /** The request that the response answers. */
  readonly request: Pick<OcspRequest, 'certIds' | 'nonce'>;
  /** The certificate of the responder that signs the response. */
  readonly responder: Certificate;
  /** The CA that issued the certificates in question. */
  readonly issuer: Certificate;
}

/** One rule, in a file of its own. */
export interface LintRule<Subject> {
  /** In kebab-case, the same as the file's name. */
  readonly name: string;
  /** The section that states the rule, such as `RFC 5280 §4.1.2.2`. */
  readonly source: string;
  readonly check: (subject: Subject) => string | undefined;
}

export type CertificateLintRule = LintRule<CertificateLintSubject>;
export type CrlLintRule = LintRule<CrlLintSubject>;
export type CrlEntryLintRule = LintRule<CrlEntryLintSubject>;
export type OcspLintRule = LintRule<OcspLintSubject>;

/** A violation of a rule. */
export interface LintFinding {
  readonly rule: string;
  readonly source: string;
  readonly message: string;
}

/** The findings of the rules, in the order of the rules. Exported for callers with rules of their own. */
export function findingsOf<Subject>(rules: readonly LintRule<Subject>[], subject: Subject): LintFinding[] {
  const findings: LintFinding[] = [];
  for (const { name, source, check } of rules) {
    const message = check(subject);
    if (message !== undefined) findings.push({ rule: name, source, message });
  }
  return findings;
}

/** Formats a finding: `serial-number-positive: the serial number is 00 (RFC 5280 §4.1.2.2)`. */
export const lintFindingToString = ({ rule, source, message }: LintFinding): string =>
  `${rule}: ${message} (${source})`;

/** Whether a certificate is that of a CA (cA of basicConstraints). */
export const isAuthority = ({ extensions }: Certificate): boolean => extensions.basicConstraints?.cA === true;
