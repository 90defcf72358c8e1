import type { KeyObject } from 'node:crypto';
import {
  decodeCertificationRequest,
  encodeCertificationRequestInfo,
  encodeSigned,
  nameFrom,
  signOctets,
  subjectPublicKeyInfoOf,
  type CertificationRequest,
} from '../../x509/index.js';

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
