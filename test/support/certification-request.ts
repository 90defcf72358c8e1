import type { KeyObject } from 'node:crypto';
import { write } from '../../src/der/index.js';
import {
  encodeCertificationRequestInfo,
  encodePem,
  encodeSigned,
  nameFrom,
  signOctets,
  subjectPublicKeyInfoOf,
  type Extension,
  type Name,
} from '../../src/x509/index.js';
import { generateTestKeyPair } from '../../src/testing/index.js';

/** What to put into a certification request, right or wrong. */
export interface TestRequest {
  readonly commonName?: string;
  readonly subject?: Name;
  readonly extensions?: readonly Extension[];
  readonly key?: KeyObject;
  /** Whose signature stands under it, instead of its own key's. */
  readonly signer?: KeyObject;
}

/** A certification request in DER, signed. */
export function certificationRequest(request: TestRequest = {}): Uint8Array {
  const key = request.key ?? generateTestKeyPair().privateKey;
  const info = encodeCertificationRequestInfo({
    subject: request.subject ?? nameFrom({ commonName: request.commonName ?? 'orders' }),
    publicKey: subjectPublicKeyInfoOf(key),
    extensions: request.extensions ?? [],
  });
  const { algorithm, signature } = signOctets(info, request.signer ?? key);
  return encodeSigned(info, algorithm, signature);
}

export const certificationRequestPem = (request: TestRequest = {}): string =>
  encodePem('CERTIFICATE REQUEST', certificationRequest(request));

/** An extension of any kind, of octets that nobody looked at. */
export const extension = (oid: string, value: Uint8Array, critical = false): Extension => ({ oid, critical, value });

export const nullValue = write.nullElement();
