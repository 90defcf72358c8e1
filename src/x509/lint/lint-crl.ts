import { crlAuthorityKeyIdentifier } from './crl/crl-authority-key-identifier.js';
import { crlCriticality } from './crl/crl-criticality.js';
import { crlEntryReason } from './crl/crl-entry-reason.js';
import { crlEntrySerialNumber } from './crl/crl-entry-serial-number.js';
import { crlEntryUnique } from './crl/crl-entry-unique.js';
import { crlIssuer } from './crl/crl-issuer.js';
import { crlIssuerMaySign } from './crl/crl-issuer-may-sign.js';
import { crlNextUpdate } from './crl/crl-next-update.js';
import { crlNumber } from './crl/crl-number.js';
import { crlNumberRising } from './crl/crl-number-rising.js';
import { crlSignatureAlgorithm } from './crl/crl-signature-algorithm.js';
import { crlThisUpdate } from './crl/crl-this-update.js';
import { crlVersion } from './crl/crl-version.js';
import { findingsOf, type CrlLintRule, type CrlLintSubject, type LintFinding } from './lint-rule.js';

/** Every rule for CRLs, one a file. What `decodeCertificateList` refuses is not repeated. */
export const crlLintRules: readonly CrlLintRule[] = [
  crlVersion,
  crlSignatureAlgorithm,
  crlIssuer,
  crlIssuerMaySign,
  crlThisUpdate,
  crlNextUpdate,
  crlNumber,
  crlNumberRising,
  crlAuthorityKeyIdentifier,
  crlCriticality,
  crlEntrySerialNumber,
  crlEntryUnique,
  crlEntryReason,
];

/** What is wrong with a CRL that is about to be signed. Each rule about entries goes through them once: 100 000 take some ten milliseconds. */
export function lintCrl(subject: CrlLintSubject): LintFinding[] {
  return findingsOf(subject.list.version === 2 ? crlLintRules : [crlVersion], subject);
}
