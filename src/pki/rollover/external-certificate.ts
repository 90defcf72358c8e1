import {
  isSignedBy,
  KeyUsage,
  nameToString,
  sameKey,
  sameName,
  validateCertificatePath,
  type Certificate,
  type Name,
  type SubjectPublicKeyInfo,
} from '../../x509/index.js';
import { PkiError } from '../pki-error.js';

/**
 * Checks that `root` can be the parent of our issuing CA: it is self-signed, a CA that may sign certificates and lists, and valid now. Throws
 * PkiError `ca_certificate_not_accepted`.
 */
export function checkRootCertificate(root: Certificate, now: Date): void {
  if (!sameName(root.subject, root.issuer)) refuse('the root is not a root: another CA issued it');
  if (!isSignedBy(root, root.publicKey)) refuse('the root is not signed by its own key');
  checkAuthority(root, 'the root', now);
}

/**
 * Checks that `issuing` is the certificate that was requested: it has our key and name, is a CA with no CA below it, is valid now, is signed by the
 * root, and passes path validation (RFC 5280 §6). Throws PkiError `ca_certificate_not_accepted` with the first check that fails.
 */
export function checkIssuingCertificate(
  issuing: Certificate,
  {
    root,
    publicKey,
    subject,
    now,
  }: {
    readonly root: Certificate;
    readonly publicKey: SubjectPublicKeyInfo;
    readonly subject: Name;
    readonly now: Date;
  },
): void {
  if (!sameKey(issuing.publicKey, publicKey)) refuse('the certificate is for another key than the request');
  if (!sameName(issuing.subject, subject))
    refuse(`the certificate is for ${nameToString(issuing.subject)}, but ${nameToString(subject)} was asked for`);
  checkAuthority(issuing, 'the certificate', now);
  if (issuing.extensions.basicConstraints?.pathLenConstraint !== 0)
    refuse('the certificate allows CAs below it: its path length is not 0');
  const result = validateCertificatePath({ leaf: issuing, anchors: [root], time: now });
  if (!result.ok) refuse(`the certificate does not lead to the root: ${result.reason.code}, ${result.reason.message}`);
}

function checkAuthority({ extensions, notBefore, notAfter }: Certificate, what: string, now: Date): void {
  if (extensions.basicConstraints?.cA !== true) refuse(`${what} is not a CA's`);
  for (const bit of [KeyUsage.keyCertSign, KeyUsage.cRLSign] as const)
    if (!extensions.keyUsage?.has(bit)) refuse(`${what} has no keyUsage with keyCertSign and cRLSign`);
  if (!extensions.subjectKeyIdentifier) refuse(`${what} has no subjectKeyIdentifier`);
  if (now < notBefore || now > notAfter)
    refuse(`${what} is valid from ${notBefore.toISOString()} to ${notAfter.toISOString()}, not now`);
}

function refuse(why: string): never {
  throw new PkiError('ca_certificate_not_accepted', why);
}
