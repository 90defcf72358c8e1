import type { KeyObject } from 'node:crypto';
import {
  decodeCertificationRequest,
  encodeCertificationRequestInfo,
  encodeSigned,
  nameFrom,
  signOctets,
  subjectPublicKeyInfoOf,
  type CertificationRequest,
  type Extension,
  type Name,
} from '../../x509/index.js';
import type { Signer } from '../issuer/signer.js';

/** A request (PKCS#10) for a key that is here, asking for nothing but its service's name: so that it takes the way of all requests. */
export function requestFor(key: KeyObject, service: string): CertificationRequest {
  const info = encodeCertificationRequestInfo({
    subject: nameFrom({ commonName: service }),
    publicKey: subjectPublicKeyInfoOf(key),
    extensions: [],
  });
  const { algorithm, signature } = signOctets(info, key);
  return decodeCertificationRequest(encodeSigned(info, algorithm, signature));
}

/** As {@link requestFor}, for the key of a signer and with these extensions. Throws what the signer throws. */
export async function requestBy(
  signer: Signer,
  subject: Name,
  extensions: readonly Extension[] = [],
): Promise<CertificationRequest> {
  const info = encodeCertificationRequestInfo({ subject, publicKey: signer.publicKey, extensions });
  return decodeCertificationRequest(encodeSigned(info, signer.algorithm, await signer.sign(info)));
}
