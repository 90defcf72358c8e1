import type { Certificate } from '../../certificate.js';
import { isSignedBy } from '../../signature.js';
import type { OcspLintRule } from '../lint-rule.js';

// The issuer of a certificate never changes, so it is verified once and not for every response.
const SIGNED_BY = new WeakMap<Certificate, Certificate>();

/** The CA that issued the certificates in question must have signed the responder's certificate itself: a CA above or below it does not count. */
export const ocspResponderIssuer: OcspLintRule = {
  name: 'ocsp-responder-issuer',
  source: 'RFC 6960 §4.2.2.2',
  check: ({ responder, issuer }) =>
    isIssuedBy(responder, issuer) ? undefined : 'the certificate of the responder is not signed by the issuer',
};

function isIssuedBy(certificate: Certificate, issuer: Certificate): boolean {
  if (SIGNED_BY.get(certificate) === issuer) return true;
  const isIssued =
    Buffer.compare(certificate.issuer.der, issuer.subject.der) === 0 && isSignedBy(certificate, issuer.publicKey);
  if (isIssued) SIGNED_BY.set(certificate, issuer);
  return isIssued;
}
