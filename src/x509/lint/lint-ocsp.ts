import { findingsOf, type LintFinding, type OcspLintRule, type OcspLintSubject } from './lint-rule.js';
import { ocspCertIds } from './ocsp/ocsp-cert-ids.js';
import { ocspCertIssuer } from './ocsp/ocsp-cert-issuer.js';
import { ocspCriticality } from './ocsp/ocsp-criticality.js';
import { ocspExtendedRevoke } from './ocsp/ocsp-extended-revoke.js';
import { ocspNextUpdate } from './ocsp/ocsp-next-update.js';
import { ocspNonce } from './ocsp/ocsp-nonce.js';
import { ocspReason } from './ocsp/ocsp-reason.js';
import { ocspResponderCertificate } from './ocsp/ocsp-responder-certificate.js';
import { ocspResponderId } from './ocsp/ocsp-responder-id.js';
import { ocspResponderIssuer } from './ocsp/ocsp-responder-issuer.js';
import { ocspResponderPurpose } from './ocsp/ocsp-responder-purpose.js';
import { ocspResponderValidity } from './ocsp/ocsp-responder-validity.js';
import { ocspSignatureAlgorithm } from './ocsp/ocsp-signature-algorithm.js';
import { ocspThisUpdate } from './ocsp/ocsp-this-update.js';

/** All rules for OCSP responses, each in a file of its own. They do not repeat what `decodeOcspResponse` refuses. */
export const ocspLintRules: readonly OcspLintRule[] = [
  ocspSignatureAlgorithm,
  ocspResponderId,
  ocspResponderIssuer,
  ocspResponderPurpose,
  ocspResponderValidity,
  ocspResponderCertificate,
  ocspCertIds,
  ocspCertIssuer,
  ocspThisUpdate,
  ocspNextUpdate,
  ocspNonce,
  ocspReason,
  ocspExtendedRevoke,
  ocspCriticality,
];

/** The findings about an OCSP response that is about to be signed. Pure, except that it caches which CA signed a responder's certificate. */
export function lintOcsp(subject: OcspLintSubject): LintFinding[] {
  return findingsOf(ocspLintRules, subject);
}
