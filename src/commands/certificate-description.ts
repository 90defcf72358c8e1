import {
  encodePem,
  generalNameToString,
  keyUsageName,
  nameToString,
  oidName,
  type Certificate,
} from '../x509/index.js';

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
