import { createHash } from 'node:crypto';
import type * as z from 'zod';
import { generalNameToString, keyUsageName, nameToString, oidName, type Certificate } from '../x509/index.js';
import type { certificateInfoSchema } from './api.schemas.js';

const DAY_MS = 86_400_000;

/** What `GET /api/v1/certificate-info` tells a client about its own certificate. */
export function certificateInfo(certificate: Certificate, now: Date): z.infer<typeof certificateInfoSchema> {
  const { extensions, publicKey } = certificate;
  const digest = (algorithm: string, octets: Uint8Array): string => createHash(algorithm).update(octets).digest('hex');
  return {
    subject: nameToString(certificate.subject),
    issuer: nameToString(certificate.issuer),
    serial_number: certificate.serialNumber,
    not_before: certificate.notBefore.toISOString(),
    not_after: certificate.notAfter.toISOString(),
    days_left: Math.floor((certificate.notAfter.getTime() - now.getTime()) / DAY_MS),
    subject_alt_names: (extensions.subjectAltName ?? []).map(generalNameToString),
    public_key: publicKeyInfo(certificate),
    signature_algorithm: oidName(certificate.signatureAlgorithm.oid),
    key_usage: [...(extensions.keyUsage ?? [])].map(keyUsageName),
    extended_key_usage: (extensions.extendedKeyUsage ?? []).map(oidName),
    fingerprint_sha256: certificate.fingerprint256,
    fingerprint_sha1: digest('sha1', certificate.der),
    spki_sha256: digest('sha256', publicKey.der),
  };
}

function publicKeyInfo({ publicKey: { parameters } }: Certificate): {
  algorithm: string;
  size?: number;
  curve?: string;
} {
  switch (parameters.type) {
    case 'rsa':
      return { algorithm: 'RSA', size: parameters.bits };
    case 'ec':
      return { algorithm: 'EC', size: Number(parameters.curve.slice(2)), curve: parameters.curve };
    case 'ed25519':
      return { algorithm: 'Ed25519', size: 256 };
    case 'other':
      return { algorithm: parameters.oid };
  }
}
