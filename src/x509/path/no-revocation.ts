import type { Certificate } from '../certificate.js';
import type { AccessDescription } from '../certificate-extensions.js';
import { isNull } from '../null-value.js';
import { Oid } from '../oids.js';
import { defect, type Defect } from './path-failure.js';

/**
 * Whether the revocation status of an end entity need not be known (RFC 9608 §4): its CA publishes none (noRevAvail), or it is an OCSP responder whose
 * certificate has id-pkix-ocsp-nocheck (RFC 6960 §4.2.2.2.1); either is NULL, or says nothing. One that is known to be revoked is refused all the same.
 */
export function needsNoRevocationStatus({ extensions }: Certificate): boolean {
  if (extensions.basicConstraints?.cA) return false;
  const says = (oid: string): boolean => extensions.all.has(oid) && isNull(extensions.all.get(oid)?.value);
  return (
    says(Oid.noRevAvail) || (says(Oid.ocspNoCheck) && extensions.extendedKeyUsage?.includes(Oid.ocspSigning) === true)
  );
}

/** What must not stand beside noRevAvail: a certificate that has both is invalid to whoever relies on it (RFC 9608 §3). */
export function noRevAvailDefect({ extensions }: Certificate): Defect | undefined {
  if (!extensions.all.has(Oid.noRevAvail)) return undefined;
  const { basicConstraints, crlDistributionPoints, freshestCrl, authorityInfoAccess } = extensions;
  const isPublished = crlDistributionPoints ?? freshestCrl ?? authorityInfoAccess?.some(isOcsp);
  if (!basicConstraints?.cA && !isPublished) return undefined;
  const why = basicConstraints?.cA
    ? 'stands in the certificate of a CA'
    : 'stands beside the location of a CRL or of an OCSP responder';
  return defect('profile', 'RFC 9608 §3', `noRevAvail ${why}`);
}

const isOcsp = ({ accessMethod }: AccessDescription): boolean => accessMethod === Oid.ocsp;
