import type { CertificateRow } from '../store/index.js';
import {
  encodePem,
  generalNameToString,
  keyUsageName,
  nameToString,
  oidName,
  type Certificate,
} from '../x509/index.js';

/** A row for `--json`: times in ISO 8601, absent values null. */
export function rowToJson(row: CertificateRow, now: Date) {
  return {
    serial_number: row.serial,
    issuer: row.issuer,
    profile: row.profile,
    service: row.service,
    subject: row.subject,
    status: statusOfRow(row, now),
    not_before: iso(row.not_before),
    not_after: iso(row.not_after),
    issued_at: iso(row.issued_at),
    requester: row.requester,
    revoked_at: row.revoked_at === null ? null : iso(row.revoked_at),
    revocation_reason: row.revocation_reason,
    fingerprint_sha256: row.fingerprint,
  };
}

export function statusOfRow(row: CertificateRow, now: Date): 'active' | 'expired' | 'revoked' {
  if (row.status === 'revoked') return 'revoked';
  return row.not_after < now.getTime() ? 'expired' : 'active';
}

/** A certificate for `--json`. */
export function certificateToJson(certificate: Certificate) {
  const { extensions } = certificate;
  return {
    subject: nameToString(certificate.subject),
    issuer: nameToString(certificate.issuer),
    serial_number: certificate.serialNumber,
    not_before: certificate.notBefore.toISOString(),
    not_after: certificate.notAfter.toISOString(),
    names: (extensions.subjectAltName ?? []).map(generalNameToString),
    public_key: keyToString(certificate),
    signature_algorithm: oidName(certificate.signatureAlgorithm.oid),
    ca: extensions.basicConstraints?.cA ?? false,
    key_usage: [...(extensions.keyUsage ?? [])].map(keyUsageName),
    extended_key_usage: (extensions.extendedKeyUsage ?? []).map(oidName),
    fingerprint_sha256: certificate.fingerprint256,
    pem: encodePem('CERTIFICATE', certificate.der),
  };
}

/** A certificate as pairs for a person. */
export function certificateToPairs(certificate: Certificate): (readonly [string, string])[] {
  const json = certificateToJson(certificate);
  return [
    ['Subject', json.subject],
    ['Issuer', json.issuer],
    ['Serial number', json.serial_number],
    ['Valid from', json.not_before],
    ['Valid until', json.not_after],
    ['Names', json.names.join(', ') || 'none'],
    ['Public key', json.public_key],
    ['Signed with', json.signature_algorithm],
    ['CA', json.ca ? 'yes' : 'no'],
    ['Key usage', json.key_usage.join(', ') || 'not restricted'],
    ['Purposes', json.extended_key_usage.join(', ') || 'not restricted'],
    ['SHA-256', json.fingerprint_sha256],
  ];
}

function keyToString({ publicKey: { parameters } }: Certificate): string {
  switch (parameters.type) {
    case 'rsa':
      return `RSA ${parameters.bits}`;
    case 'ec':
      return parameters.curve;
    case 'ed25519':
      return 'Ed25519';
    case 'other':
      return parameters.oid;
  }
}

const iso = (milliseconds: number): string => new Date(milliseconds).toISOString();
