import type { KeyObject } from 'node:crypto';
import {
  decodeCertificate,
  DecodeError,
  generalNameToString,
  octetsFromPemOrDer,
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
 * The new certificate, followed by those certificates of its path that came with it. Throws {@link RenewalError} unless it is for the new key, has
 * the subject, names and purposes of the old certificate, leads to `anchors` and is valid now: whoever answered, nothing else replaces the old one.
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
  const path = new Set(result.path.certificates.map(({ fingerprint256 }) => fingerprint256));
  return [leaf, ...rest.filter(({ fingerprint256 }) => path.has(fingerprint256))];
}

function readChain(octets: Uint8Array): Certificate[] {
  try {
    return octetsFromPemOrDer(octets, 'CERTIFICATE').map(decodeCertificate);
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
