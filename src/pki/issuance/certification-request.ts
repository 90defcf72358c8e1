import {
  CertificationRequest,
  DecodeError,
  octetsFromPemOrDer,
  ProofOfPossessionError,
  readCertificationRequest,
} from '../../x509/index.js';
import { PkiError } from '../pki-error.js';

/** Reads a PKCS#10 request, PEM or DER, or takes one that was read before. Throws PkiError `request_malformed` or `proof_of_possession_failed`. */
export async function readRequest(request: Uint8Array | string | CertificationRequest): Promise<CertificationRequest> {
  if (CertificationRequest.is(request)) return request;
  try {
    const [octets, ...more] = octetsOf(request);
    if (more.length > 0) throw new PkiError('request_malformed', 'there is more than one request');
    return await readCertificationRequest(octets);
  } catch (error) {
    if (error instanceof ProofOfPossessionError)
      throw new PkiError('proof_of_possession_failed', error.message, { cause: error });
    if (error instanceof DecodeError)
      throw new PkiError('request_malformed', `the request cannot be read: ${error.message}`, { cause: error });
    throw error;
  }
}

/** RFC 7468 §7: CERTIFICATE REQUEST; older tools write NEW CERTIFICATE REQUEST. */
function octetsOf(request: Uint8Array | string): [Uint8Array, ...Uint8Array[]] {
  const start = typeof request === 'string' ? request : Buffer.from(request.subarray(0, 8192)).toString('latin1');
  return octetsFromPemOrDer(
    request,
    start.includes('BEGIN NEW CERTIFICATE REQUEST') ? 'NEW CERTIFICATE REQUEST' : 'CERTIFICATE REQUEST',
  );
}
