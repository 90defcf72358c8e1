import type { KeyObject } from 'node:crypto';
import {
  decodeCertificates,
  DecodeError,
  generalNameToString,
  isSignedBy,
  nameToString,
  sameName,
  subjectPublicKeyInfoOf,
  validateCertificatePath,
  type Certificate,
} from '../../x509/index.js';
import { RenewalError } from './renewal-error.js';

/** What the answer to a renewal must fit. */
export interface RenewalTerms {
  readonly old: Certificate;
  readonly newKey: KeyObject;
  readonly anchors: readonly Certificate[];
  readonly now: Date;
}

/**
 * The new certificate, followed by those that came with it and are above it. Throws {@link RenewalError} unless it is for the new key, has the subject,
 * names and purposes of the old certificate, leads to `anchors`, comes with each CA between it and a root, and is valid now: whoever answered, nothing
 * else replaces the old one.
 */
export function checkRenewed(
  octets: Uint8Array,
  { old, newKey, anchors, now }: RenewalTerms,
): readonly [Certificate, ...Certificate[]] {
  const [leaf, ...rest] = readChain(octets);
  if (!leaf) throw unfit('it holds no certificate');
  if (!Buffer.from(subjectPublicKeyInfoOf(newKey).der).equals(leaf.publicKey.der)) throw unfit('it is for another key');
  if (!sameName(leaf.subject, old.subject)) throw unfit('it has another subject');
  if (namesOf(leaf) !== namesOf(old)) throw unfit('it has other names');
  const result = validateCertificatePath({
    leaf,
    intermediates: rest,
    anchors,
    time: now,
    purposes: old.extensions.extendedKeyUsage,
  });
  if (!result.ok) throw unfit(result.reason.message);
  const came = new Set([leaf, ...rest].map(({ fingerprint256 }) => fingerprint256));
  const absent = result.path.certificates.find((each) => !isSelfIssued(each) && !came.has(each.fingerprint256));
  // Peers may trust the root alone, whatever is in the CA file here.
  if (absent) throw unfit(`it comes without the certificate of ${nameToString(absent.subject)}`);
  return [leaf, ...rest.filter(isAbove(leaf, rest))];
}

const isSelfIssued = ({ subject, issuer }: Certificate): boolean => sameName(subject, issuer);

/** Also by a path that is not ours: the cross-certificate of a root is for peers that trust another one. */
function isAbove(leaf: Certificate, authorities: readonly Certificate[]): (certificate: Certificate) => boolean {
  const path = new Set([leaf]);
  // The set grows while it is walked through.
  for (const each of path) for (const authority of authorities) if (isIssuedBy(each, authority)) path.add(authority);
  return (certificate) => path.has(certificate);
}

const isIssuedBy = (certificate: Certificate, { subject, publicKey }: Certificate): boolean =>
  sameName(certificate.issuer, subject) && isSignedBy(certificate, publicKey);

function readChain(octets: Uint8Array): Certificate[] {
  try {
    return decodeCertificates(octets);
  } catch (error) {
    if (error instanceof DecodeError) throw unfit(error.message);
    throw error;
  }
}

const namesOf = ({ extensions: { subjectAltName = [] } }: Certificate): string =>
  JSON.stringify(subjectAltName.map(generalNameToString).sort());

const unfit = (why: string): RenewalError =>
  new RenewalError('unusable', `the answer is not used: ${why}`, {
    mend: 'nothing was replaced; look whether --url and --ca name the service that issued the certificate',
  });
