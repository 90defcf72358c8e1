import { crlAuthorityKeyIdentifier } from './crl/crl-authority-key-identifier.js';
import { crlAuthorityKeyIdentifierPair } from './crl/crl-authority-key-identifier-pair.js';
import { crlCriticality } from './crl/crl-criticality.js';
import { crlDeltaBase } from './crl/crl-delta-base.js';
import { crlDeltaFreshest } from './crl/crl-delta-freshest.js';
import { crlEntriesAbsent } from './crl/crl-entries-absent.js';
import { crlEntryCriticality } from './crl/crl-entry-criticality.js';
import { crlEntryDateForm } from './crl/crl-entry-date-form.js';
import { crlEntryDate } from './crl/crl-entry-date.js';
import { crlEntryReason } from './crl/crl-entry-reason.js';
import { crlEntrySerialNumber } from './crl/crl-entry-serial-number.js';
import { crlEntryUnique } from './crl/crl-entry-unique.js';
import { crlIssuer } from './crl/crl-issuer.js';
import { crlIssuerMaySign } from './crl/crl-issuer-may-sign.js';
import { crlNextUpdate } from './crl/crl-next-update.js';
import { crlNumber } from './crl/crl-number.js';
import { crlNumberRising } from './crl/crl-number-rising.js';
import { crlScopeAuthorities } from './crl/crl-scope-authorities.js';
import { crlScopeEmpty } from './crl/crl-scope-empty.js';
import { crlScopeKinds } from './crl/crl-scope-kinds.js';
import { crlSignatureAlgorithm } from './crl/crl-signature-algorithm.js';
import { crlThisUpdate } from './crl/crl-this-update.js';
import { crlUpdateForm } from './crl/crl-update-form.js';
import { crlVersion } from './crl/crl-version.js';
import { readCrlEntry } from './crl-entry.js';
import {
  findingsOf,
  type CrlEntryLintRule,
  type CrlEntryLintSubject,
  type CrlLintRule,
  type CrlLintSubject,
  type LintFinding,
} from './lint-rule.js';
import { crlForm } from './tbs-form.js';

/** All rules for CRLs, each in a file of its own. They do not repeat what `decodeCertificateList` refuses. */
export const crlLintRules: readonly CrlLintRule[] = [
  crlVersion,
  crlSignatureAlgorithm,
  crlIssuer,
  crlIssuerMaySign,
  crlUpdateForm,
  crlThisUpdate,
  crlNextUpdate,
  crlNumber,
  crlNumberRising,
  crlAuthorityKeyIdentifier,
  crlAuthorityKeyIdentifierPair,
  crlCriticality,
  crlDeltaBase,
  crlDeltaFreshest,
  crlScopeEmpty,
  crlScopeKinds,
  crlScopeAuthorities,
  crlEntriesAbsent,
  crlEntrySerialNumber,
  crlEntryUnique,
  crlEntryReason,
];

/** All rules for one encoded entry of a CRL, each in a file of its own. */
export const crlEntryLintRules: readonly CrlEntryLintRule[] = [crlEntryDateForm, crlEntryDate, crlEntryCriticality];

/** The findings about one entry. */
export function lintCrlEntry(subject: CrlEntryLintSubject): LintFinding[] {
  // Nearly all entries are right, so nothing is allocated for those.
  if (crlEntryLintRules.every(({ check }) => check(subject) === undefined)) return [];
  const entry = Buffer.from(subject.entry.userCertificate.subarray(2)).toString('hex');
  return findingsOf(crlEntryLintRules, subject).map(({ message, ...finding }) => ({
    ...finding,
    message: `in the entry ${entry} ${message}`,
  }));
}

/**
 * The findings about a CRL that is about to be signed; of its entries, only those about the first wrong one. Each rule about all entries iterates
 * over them once; then each entry is decoded on its own.
 */
export function lintCrl(subject: CrlLintSubject): LintFinding[] {
  if (subject.list.version !== 2) return findingsOf([crlVersion], subject);
  return [...findingsOf(crlLintRules, subject), ...lintEntries(subject)];
}

function lintEntries({ list }: CrlLintSubject): LintFinding[] {
  const { entries } = crlForm(list);
  const { thisUpdate } = list;
  while (entries && !entries.done) {
    const findings = lintCrlEntry({ entry: readCrlEntry(entries), thisUpdate });
    if (findings.length > 0) return findings;
  }
  return [];
}
