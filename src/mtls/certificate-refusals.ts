import type { Finding } from '../revocation/index.js';
import { decodeCertificate, DecodeError, nameToString, type Certificate, type PathFailure } from '../x509/index.js';
import type { VerifiedClientIdentity } from './client-identity.js';
import { MtlsRefusal, type RefusalCode } from './mtls.errors.js';
import type { Peer } from './peer-certificate.js';
import type { NoServiceNameError } from './service-name.js';
import { wrongDomain } from './trust-domains.js';

/** A client's certificate from its octets. Throws {@link MtlsRefusal} `client_certificate_malformed`. */
export function decodeClientCertificate(octets: Uint8Array): Certificate {
  try {
    return decodeCertificate(octets);
  } catch (error) {
    if (error instanceof DecodeError)
      throw new MtlsRefusal('client_certificate_malformed', `the client certificate cannot be read: ${error.message}`);
    throw error;
  }
}

/** What was thrown, as a refusal: anything unforeseen becomes `validation_failed`. */
export const refusalOf = (error: unknown): MtlsRefusal =>
  error instanceof MtlsRefusal
    ? error
    : new MtlsRefusal('validation_failed', 'the client certificate could not be validated', {}, { cause: error });

/**
 * The refusal where the identity is that of a trusted proxy. On its own connection the proxy forwarded no certificate, so its caller has none; behind
 * another proxy it is refused as a service.
 */
export const proxyAsClient = ({ service, certificate }: VerifiedClientIdentity, peer: Peer | undefined): MtlsRefusal =>
  peer?.proxy === undefined
    ? noCertificate().through(service)
    : refusal('service_not_allowed', 'a proxy is no client', certificate);

/** No certificate was presented. */
export const noCertificate = (): MtlsRefusal =>
  new MtlsRefusal('client_certificate_required', 'this path needs a client certificate and none was presented');

/** The certificate, or one above it, is not valid yet. */
export const notYetValid = (leaf: Certificate, reason?: PathFailure): MtlsRefusal =>
  refusal('certificate_not_yet_valid', 'the certificate, or one of its issuers, is not valid yet', leaf, reason);

/** The certificate, or one above it, has expired. */
export const expired = (leaf: Certificate, reason?: PathFailure): MtlsRefusal =>
  refusal('certificate_expired', 'the certificate, or one of its issuers, has expired', leaf, reason);

/** The certificate has no valid path; the code depends on why there is none. */
export function untrustedBy(reason: PathFailure, asked: Parameters<typeof wrongDomain>[0]): MtlsRefusal {
  const { leaf } = asked;
  if (reason.code === 'expired') return expired(leaf, reason);
  if (reason.code === 'not_yet_valid') return notYetValid(leaf, reason);
  return refusal(
    'untrusted_issuer',
    'the certificate does not lead to a certification authority that is trusted here',
    leaf,
    wrongDomain(asked) ?? reason,
  );
}

/** Whether what was thrown says that there is no path, which other certificates in between might change. */
export const isAboutPath = (error: unknown): boolean => error instanceof MtlsRefusal && ABOUT_PATH.has(error.code);

const ABOUT_PATH: ReadonlySet<RefusalCode> = new Set([
  'untrusted_issuer',
  'certificate_expired',
  'certificate_not_yet_valid',
]);

/** The certificate, or one above it, has been revoked. */
export function revoked(leaf: Certificate, { certificate, answer }: Finding): MtlsRefusal {
  const message =
    certificate === leaf
      ? 'the certificate has been revoked'
      : 'the certificate of one of the issuers has been revoked';
  return refusal('certificate_revoked', message, leaf, { ...answer, revoked: certificate.serialNumber });
}

/** Nobody knows at the moment whether the certificate is revoked. */
export function unknown(leaf: Certificate, { certificate, answer }: Finding): MtlsRefusal {
  const message = 'whether the certificate has been revoked cannot be established now';
  return refusal('revocation_unknown', message, leaf, { ...answer, unknown: certificate.serialNumber });
}

/** The certificate names no service. */
export function unnamed({ message, mend }: NoServiceNameError, leaf: Certificate): MtlsRefusal {
  return new MtlsRefusal('service_not_allowed', message, evidenceOf(leaf), { mend });
}

/** A refusal about a certificate, with what the log is to say about the certificate. */
export function refusal(code: RefusalCode, message: string, leaf: Certificate, evidence: object = {}): MtlsRefusal {
  return new MtlsRefusal(code, message, evidenceOf(leaf, evidence));
}

const evidenceOf = (leaf: Certificate, evidence: object = {}) => ({
  subject: nameToString(leaf.subject),
  issuer: nameToString(leaf.issuer),
  serialNumber: leaf.serialNumber,
  fingerprint256: leaf.fingerprint256,
  notBefore: leaf.notBefore,
  notAfter: leaf.notAfter,
  evidence,
});
