import type { Certificate } from '../certificate.js';
import { KeyUsage } from '../certificate-extensions.js';
import { sameName } from '../name.js';
import { Oid } from '../oids.js';
import { certificateDefect, dateDefect } from '../path/certificate-rules.js';
import { isSignedBy } from '../signature.js';
import { isCertIdOf } from './cert-id.js';
import type { BasicOcspResponse, CertStatus, OcspResponse, SingleResponse } from './ocsp-response.js';

/** What a response is checked against. */
export interface OcspVerification {
  /** The CA that issued the certificate in question. It signed the response, or it certified the responder that did. */
  readonly issuer: Certificate;
  /** As {@link Certificate.serialNumber}. */
  readonly serialNumber: string;
  readonly time: Date;
  /** The nonce that was sent, which the response must repeat. Absent: the response may have one or none. */
  readonly nonce?: Uint8Array | undefined;
  /** Seconds that the two clocks may differ by; 60 when absent. */
  readonly leeway?: number;
}

/** Why a response is not believed. */
export type OcspFailureCode =
  | 'not_successful'
  | 'other_certificate'
  | 'unauthorized_responder'
  | 'bad_signature'
  | 'other_nonce'
  | 'not_yet_valid'
  | 'stale'
  | 'unknown_critical_extension';

export type OcspVerdict =
  | { readonly ok: true; readonly certStatus: CertStatus; readonly response: SingleResponse }
  | { readonly ok: false; readonly code: OcspFailureCode; readonly why: string };

const DEFAULT_LEEWAY = 60;

/**
 * Whether a response may be believed about one certificate (RFC 6960 §3.2): it is about that certificate, signed by its issuer or by a responder that this
 * issuer certified for it (§4.2.2.2), and current. One without nextUpdate is not current: newer information is available all the time (§4.2.2.1). Whether a
 * delegated responder is itself revoked is not asked. Never throws.
 */
export function verifyOcspResponse(response: OcspResponse, wanted: OcspVerification): OcspVerdict {
  const refuse = (code: OcspFailureCode, why: string): OcspVerdict => ({ ok: false, code, why });
  const { basic } = response;
  if (!basic) return refuse('not_successful', `the responder answers ${response.status}`);
  const { issuer, serialNumber, nonce } = wanted;
  const about = basic.responses.filter(({ certId }) => isCertIdOf(certId, issuer, serialNumber));
  // Of several responses that contradict each other, one that does not say good.
  const said = (status: CertStatus['status']) => about.find(({ certStatus }) => certStatus.status === status);
  const single = said('revoked') ?? said('unknown') ?? said('good');
  if (!single) return refuse('other_certificate', 'the response is not about this certificate');
  for (const { oid, critical } of [...basic.extensions.values(), ...single.extensions.values()])
    if (critical && oid !== Oid.ocspNonce) return refuse('unknown_critical_extension', `${oid} is critical`);
  const signer = signerOf(basic, wanted);
  if (!signer) return refuse('unauthorized_responder', 'the responder is not one that the issuer authorized');
  if (!isSignedBy(basic, signer.publicKey))
    return refuse('bad_signature', 'the signature is not that of the responder');
  if (nonce && (!basic.nonce || Buffer.compare(nonce, basic.nonce) !== 0))
    return refuse('other_nonce', 'the response does not repeat the nonce');
  const time = wanted.time.getTime();
  const leeway = (wanted.leeway ?? DEFAULT_LEEWAY) * 1000;
  // Written so that an invalid Date is refused.
  if (!(single.thisUpdate.getTime() <= time + leeway))
    return refuse('not_yet_valid', `the response begins at ${single.thisUpdate.toISOString()}`);
  if (!single.nextUpdate || !(single.nextUpdate.getTime() >= time - leeway))
    return refuse('stale', `the response ends at ${single.nextUpdate?.toISOString() ?? 'no stated time'}`);
  return { ok: true, certStatus: single.certStatus, response: single };
}

/** The signer's certificate: the issuer's own, or one of those in the response that the issuer signed for this purpose. */
function signerOf(basic: BasicOcspResponse, { issuer, time }: OcspVerification): Certificate | undefined {
  if (isNamed(issuer, basic) && maySign(issuer)) return issuer;
  return basic.certificates.find(
    (certificate) => isNamed(certificate, basic) && isResponderOf(certificate, issuer, time),
  );
}

function isNamed({ subject, publicKey }: Certificate, { responderId }: BasicOcspResponse): boolean {
  return 'byKey' in responderId
    ? Buffer.compare(responderId.byKey, publicKey.keyIdentifier) === 0
    : sameName(responderId.byName, subject);
}

/** RFC 5280 §4.2.1.3: digitalSignature is for whatever is neither a certificate nor a CRL. */
const maySign = ({ extensions }: Certificate): boolean => extensions.keyUsage?.has(KeyUsage.digitalSignature) !== false;

/** RFC 6960 §4.2.2.2: id-kp-OCSPSigning, by name and not by anyExtendedKeyUsage, in a certificate that the issuer itself signed. */
function isResponderOf(certificate: Certificate, issuer: Certificate, time: Date): boolean {
  return (
    certificate.extensions.extendedKeyUsage?.includes(Oid.ocspSigning) === true &&
    maySign(certificate) &&
    !certificateDefect(certificate, 'leaf') &&
    !dateDefect(certificate, time) &&
    sameName(certificate.issuer, issuer.subject) &&
    isSignedBy(certificate, issuer.publicKey)
  );
}
