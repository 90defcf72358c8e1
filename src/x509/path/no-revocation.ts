import type { Certificate } from '../certificate.js';
import { Oid } from '../oids.js';

/**
 * Whether a certificate is one of an end entity about whose revocation nobody asks (RFC 9608 §4): its CA publishes nothing about it, or it is an
 * OCSP responder's that says so (RFC 6960 §4.2.2.2.1). That it is revoked, where that is known, still counts.
 */
export function needsNoRevocationStatus({ extensions }: Certificate): boolean {
  if (extensions.basicConstraints?.cA) return false;
  return (
    extensions.all.has(Oid.noRevAvail) ||
    (extensions.all.has(Oid.ocspNoCheck) && extensions.extendedKeyUsage?.includes(Oid.ocspSigning) === true)
  );
}
