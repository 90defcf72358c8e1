import { findingsOf, type LintFinding } from '../../../x509/index.js';
import { basicConstraints } from './basic-constraints.js';
import { extendedKeyUsage } from './extended-key-usage.js';
import { extensions } from './extensions.js';
import { keyUsage } from './key-usage.js';
import type { ProfileLintRule, ProfileLintSubject } from './profile-lint-rule.js';
import { nameConstraints } from './name-constraints.js';
import { noRevAvail } from './no-rev-avail.js';
import { ocspNoCheck } from './ocsp-no-check.js';
import { publicationPoints } from './publication-points.js';
import { serialNumber } from './serial-number.js';
import { subject } from './subject.js';
import { subjectAltName } from './subject-alt-name.js';
import { subjectKeyIdentifier } from './subject-key-identifier.js';
import { tlsFeature } from './tls-feature.js';
import { validity } from './validity.js';

/** Every rule that asks for the profile, one a file. */
const profileLintRules: readonly ProfileLintRule[] = [
  serialNumber,
  validity,
  subject,
  subjectKeyIdentifier,
  basicConstraints,
  keyUsage,
  extendedKeyUsage,
  subjectAltName,
  publicationPoints,
  nameConstraints,
  noRevAvail,
  ocspNoCheck,
  tlsFeature,
  extensions,
];

/** Where a certificate is not what its profile makes of an accepted request. What it must be whatever the profile is for `lintCertificate`. */
export function lintForProfile(about: ProfileLintSubject): LintFinding[] {
  return findingsOf(profileLintRules, about);
}
